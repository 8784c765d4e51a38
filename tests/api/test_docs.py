"""The documentation is true: commands run as they stand and answer as shown, every option, metric and
word of a closed set is in it, and no link leads nowhere."""

import json
import re
import shutil
import subprocess

import api
from api import PATIENCE, ROOT, ApiTest, words_of

COMMANDS = ("run", "ping", "peers", "explain", "plan", "history", "key", "db", "sim")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path):
    """(language, text) of a page's fenced blocks, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)


class Reference(ApiTest):
    def options(self, command):
        """{option: default or None} by --help."""
        text = self.expect(0, command, "--help").out
        text = re.sub(r"\n {20,}", " ", text)
        return {name: (re.search(r" \[([^\]]*)\]$", line) or [None, None])[1]
                for line, name in re.findall(r"^(  (?:-\w, )?--([a-z-]+).*)$", text, re.M)}

    def test_man_pages_have_every_option_and_no_other(self):
        for command in COMMANDS:
            page = (ROOT / "docs" / "man" / f"wakupeers-{command}.1").read_text().replace("\\-", "-")
            named = set(re.findall(r"--([a-z][a-z-]*)", page))
            self.assertEqual(named, set(self.options(command)), command)
            for name, default in self.options(command).items():
                entry = re.search(rf"^\.TP\n\.\w+ .*--{name}\b.*\n((?:(?!\.TP|\.S).*\n)*)", page, re.M)
                self.assertIsNotNone(entry, name)
                if default:
                    self.assertRegex(" ".join(entry[1].split()), rf"Default: {re.escape(default)}[.,]", name)

    def test_man_pages_are_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("groff is missing")
        for page in sorted((ROOT / "docs" / "man").iterdir()):
            done = subprocess.run(["groff", "-man", "-ww", "-z", str(page)], capture_output=True, text=True,
                                  check=False, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
            self.assertTrue(page.read_text().startswith(f".TH {page.stem.upper()} 1 ".replace("-", "\\-")))

    def test_operating_has_every_option_with_its_default(self):
        page = (ROOT / "docs" / "operating.md").read_text()
        rows = dict(re.findall(r"^\| `--([a-z-]+)[^`]*` \| (.*?) \|", page, re.M))
        options = self.options("run")
        self.assertEqual(set(rows), set(options))
        for name, default in options.items():
            if default:
                self.assertEqual(rows[name], f"`{default}`", name)
        for command in set(COMMANDS) - {"run"}:
            text = re.search(rf"`wakupeers {command}`[^;]*? takes?\b(.*?)(?:;|\.\s)", page, re.S)[1]
            named = set(re.findall(r"--([a-z-]+)", text))
            self.assertEqual(named, set(self.options(command)) - {"help"}, command)

    def test_every_metric_is_there(self):
        page = (ROOT / "docs" / "operating.md").read_text()
        table = page[page.index("| metric |"):page.index("nwaku's `waku_px_")]
        named = set(re.findall(r"\b(waku(?:peers)?_\w+)", table))
        made = self.daemon()
        _, _, text = api.http_call(made.metrics_netloc(), "GET", "/metrics")
        self.assertEqual(named, set(re.findall(r"^# TYPE (\S+)", text, re.M)))

    def test_closed_sets(self):
        for name, header, prefix, begin, end, missing in (
                ("rest", "types.h", "WPM_REASON_", "`reason`: ", "\n\n", set()),
                ("rest", "manager.h", "WPM_HELD_BY_", "`heldBackBy`: ", "\n\n", {"nothing"}),
                ("rest", "explain.h", "WPM_NEXT_", "`action`: ", "\n\n", {"none"}),
                ("rest", "explain.h", "WPM_HISTORY_", "`event`: ", "\n\n", set()),
                ("rest", "types.h", "WPM_SOURCE_", "`source`, ", "\n\n", set()),
                ("rest", "types.h", "WPM_CONFIDENCE_", "`confidence`, ", "\n\n", set()),
                ("operating", "manager.h", "WPM_PATH_", "`path`: ", "|\n", set()),
                # Causes of an eviction.
                ("operating", "types.h", "WPM_CAUSE_", "in the order in which they go: ", "|\n", {"fact", "person"})):
            page = (ROOT / "docs" / f"{name}.md").read_text()
            words = words_of(prefix, header) - missing
            start = page.index(begin) + len(begin)
            paragraph = page[start:page.index(end, start)]
            self.assertEqual(set(re.findall(r"`([a-z0-9_]+)`", paragraph)), words, prefix)

    def test_every_test_that_is_named_is_there(self):
        for page in PAGES:
            for file, name in re.findall(r"`(tests/[\w./]+):(\w+)`", page.read_text()):
                text = (ROOT / file).read_text()
                self.assertRegex(text, rf"(?:static void|def) {name}\(", f"{page.name}: {file}:{name}")

    def test_exit_codes(self):
        page = (ROOT / "docs" / "operating.md").read_text()
        codes = set(re.findall(r"^\| (\d) \|", page, re.M))
        header = (ROOT / "app" / "complain.h").read_text()
        self.assertEqual(codes, set(re.findall(r"EXIT_\w+ = (\d)", header)))

    def test_links(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
                if "://" not in target:
                    self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


class Examples(ApiTest):
    """`sh` blocks run one behind the other in one place; a `json` or `text` block behind one is what
    it answers."""

    def setUp(self):
        super().setUp()
        self.made, self.other = self.daemon(), self.daemon()
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "wakupeers").symlink_to(api.program())

    def shell(self, text):
        """Runs commands as they stand, but for the ports, which here are any free ones."""
        text = text.replace("127.0.0.1:8645", self.made.netloc)
        path = f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", text], capture_output=True, text=True,
            timeout=PATIENCE, check=False, cwd=self.folder,
            env={**api.clean_environment(HOME=str(self.folder)), "PATH": path, "ADDRESS": self.other.address,
                 "PEER": self.other.id, "DATA": str(self.made.data_dir)})
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}{done.stderr}")
        return done.stdout

    def same_shape(self, found, shown, where):
        """The same members of the same types; the same words where they say a state."""
        if shown is None or found is None or isinstance(shown, (int, float)):
            number = (int, float, type(None))
            self.assertTrue(isinstance(found, number) == isinstance(shown, number), f"{where}: {found}")
            return
        self.assertIs(type(found), type(shown), where)
        if isinstance(shown, dict):
            self.assertEqual(set(found), set(shown), where)
            for name, value in shown.items():
                self.same_shape(found[name], value, f"{where}.{name}")
        elif isinstance(shown, list):
            self.assertEqual(len(found), len(shown), f"{where}: {found}")
            for index, value in enumerate(shown):
                self.same_shape(found[index], value, f"{where}[{index}]")
        elif re.fullmatch(r"[A-Za-z_]+", shown):
            self.assertEqual(found, shown, where)

    def check_page(self, name, before):
        ran = 0
        all_blocks = blocks(ROOT / "docs" / name)
        for index, (language, text) in enumerate(all_blocks):
            if language != "sh" or text.startswith("ADDRESS="):
                continue
            before(text)
            answer = self.shell(text)
            ran += 1
            language, shown = all_blocks[index + 1] if index + 1 < len(all_blocks) else ("", "")
            if language == "json":
                self.same_shape(json.loads(answer), json.loads(shown), text)
            elif language == "text":
                self.assertEqual(answer.strip(), shown.strip(), text)
        return ran

    def test_rest(self):
        def before(text):
            # The page shows answers of a daemon that holds a connection with one peer.
            if "DELETE" not in text:
                self.made.connect(self.other.address)
                self.made.wait_peer(self.other.id, lambda peer: peer["clusterId"] == 1 and peer["protocols"],
                                    "fully known")
        self.assertGreaterEqual(self.check_page("rest.md", before), 12)

    def test_exchange(self):
        self.assertEqual(self.check_page("exchange.md", lambda text: None), 2)

    def test_operating(self):
        self.assertGreaterEqual(self.check_page("operating.md", lambda text: None), 4)

    def test_simulator(self):
        self.assertGreaterEqual(self.check_page("simulator.md", lambda text: None), 3)

    def test_readme(self):
        """The quick start, against a daemon in place of the js-waku peer."""
        page = (ROOT / "README.md").read_text()
        transport, _, peer_id = self.other.address.partition("/p2p/")
        port = transport.split("/")[4]
        commands = [line.split("#")[0].strip() for language, text in blocks(ROOT / "README.md") if language == "sh"
                    for line in text.splitlines() if line.startswith(("wakupeers ", "curl "))]
        self.assertGreaterEqual(len(commands), 6)
        self.made.connect(self.other.address)
        for line in commands:
            line = line.replace("/tcp/PORT/", f"/tcp/{port}/").replace("ID", peer_id)
            if re.match("wakupeers (peers|explain|plan|history)", line):
                line += f" --data-dir={self.made.data_dir}"
            self.assertIn(peer_id if "connect" not in line else "connected", self.shell(line), line)
        options = re.findall(r"(--[a-z-]+)=", page)
        known = self.expect(0, "run", "--help").out
        for option in options:
            self.assertIn(option, known)


if __name__ == "__main__":
    api.main()
