"""The command line, the environment and the ini file: what they take, and which goes first."""

import json
import re
import subprocess
import unittest.mock

import api
from api import LOOPBACK, ROOT, ApiTest

COMMANDS = ("run", "ping", "peers", "explain", "plan", "history", "key", "db", "sim")


def options_of(text):
    """The long options that a help text names at the beginning of its lines."""
    return set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", text, re.M))


class Usage(ApiTest):
    def refused(self, *arguments, says, **more):
        """Exit code 2, nothing on stdout, one line on stderr that holds all of `says`."""
        done = self.expect(2, *arguments, **more)
        self.assertEqual(done.out, "")
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        for each in says if isinstance(says, tuple) else (says,):
            self.assertIn(each, done.err)
        return done

    def test_no_command(self):
        done = self.expect(2)
        self.assertEqual(done.out, "")
        for command in COMMANDS:
            self.assertIn(f"\n  {command} ", done.err)

    def test_version(self):
        version = re.search(r'WPM_VERSION "([^"]+)"', (ROOT / "include/wakupeers/version.h").read_text())
        self.assertEqual(self.expect(0, "--version").out, f"wakupeers {version[1]}\n")

    def test_unknown_command_and_option(self):
        self.refused("fly", says=("command fly", "--help"))
        self.refused("--fly=high", says=("option --fly;", "--help"))

    def test_unknown_options_are_named(self):
        for command in COMMANDS:
            with self.subTest(command):
                self.refused(command, "--fly", says=("--fly", f"wakupeers {command} --help"))
        self.refused("run", "-x", says="unknown option -x;")
        self.refused("run", "-xh", says="unknown option -x;")

    def test_a_beginning_of_a_name_is_no_option(self):
        self.refused("run", "--tcp=5", says="unknown option --tcp;")
        self.refused("run", "--tcp", "5", says="unknown option --tcp;")
        self.refused("run", "--r", says="unknown option --r;")

    def test_a_secret_is_not_repeated(self):
        secret = "00112233445566778899aabbccddeeff" * 2
        for arguments in (["--nodekye=" + secret], ["--nodekey=" + secret + "00"]):
            done = self.refused("run", *arguments, says="nodek")
            self.assertNotIn(secret, done.err)

    def test_values_that_are_wrong(self):
        for option, value, takes in (
                ("tcp-port", "70000", "0 to 65535"), ("tcp-port", "-1", "0 to 65535"),
                ("tcp-port", "1x", "0 to 65535"), ("rest-port", "", "0 to 65535"),
                ("tcp-port", "99999999999999999999", "0 to 65535"),
                ("max-connections", "0", "1 to 1000000"), ("cluster-id", "65536", "0 to 65535"),
                ("peer-store-capacity", "100000001", "0 to 100000000"), ("peer-store-capacity", "all", "0 to"),
                ("keep-alive", "yes", "true or false"), ("rest", "1", "true or false"),
                ("idle-timeout", "soon", "500ms, 5s or 10m"), ("idle-timeout", "0", "more than 0"),
                ("idle-timeout", "5 s", "500ms, 5s or 10m"), ("ping-timeout", "-5s", "more than 0"),
                ("prune-backoff", "1e3", "500ms, 5s or 10m"), ("dial-timeout", "0s", "more than 0"),
                ("reconnect-max", "99999999999h", "500ms, 5s or 10m"),
                ("log-level", "loud", "trace|debug|info|notice|warn|error|fatal"),
                ("log-level", "warn|error", "trace|debug"), ("log-format", "xml", "text|json"),
                ("shard", "1024", "0 to 1023"), ("shard", "", "0 to 1023"),
                ("rest-address", "localhost", "an IP address"),
                ("metrics-server-address", "1.2.3", "an IP address"), ("data-dir", "", "DIR")):
            with self.subTest(option=option, value=value):
                self.refused("run", f"--{option}={value}", says=(f"--{option}", f'"{value}"', takes))

    def test_a_value_that_is_missing(self):
        self.refused("run", "--tcp-port", says=("--tcp-port", "0 to 65535"))
        self.refused("ping", "-c", says=("-c", "0 to 1000000"))

    def test_words_that_are_too_many_or_missing(self):
        self.refused("run", "fast", says=('"fast"', "wakupeers run --help"))
        self.refused("run", "--keep-alive", "false", says='"false"')
        self.refused("ping", says=("one multiaddr", "wakupeers ping --help"))
        self.refused("ping", "/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2", says="one multiaddr")
        self.refused("key", says=("new or show", "wakupeers key --help"))
        self.refused("key", "old", says="new or show")
        self.refused("peers", "fly", says=('"fly"', "wakupeers peers --help"))
        self.refused("peers", "show", says="peers show takes a peer id")
        self.refused("peers", "add", says="peers add takes a multiaddr")
        self.refused("peers", "list", "all", says="peers list takes no more words")
        self.refused("completion", says=("bash", "wakupeers completion --help"))

    def test_addresses_and_ids_that_are_wrong(self):
        for bad, says in (("foo", "slash"), ("/ip4/300.0.0.1/tcp/1", "300.0.0.1"),
                          ("/ip4/127.0.0.1/tcp/1", "names no peer"), ("/nope/1", "nope")):
            with self.subTest(bad):
                self.refused("run", f"--staticnode={bad}", says=("--staticnode", says))
        self.refused("peers", "add", "/ip4/127.0.0.1/tcp/1", says="no /p2p/")
        self.refused("peers", "add", "foo", says="slash")
        self.refused("peers", "show", "foo", says='"foo"')
        self.refused("run", "--nodekey=abc", says=("--nodekey", "64 hex digits"))

    def test_ping_interval_and_idle_timeout(self):
        self.refused("run", "--idle-timeout=10s", "--ping-interval=6s", says=("--ping-interval", "5s"))
        self.refused("run", "--ping-interval=5m1s", says="--ping-interval")
        self.refused("run", "--ping-interval=301", says=("--ping-interval", "5m"))
        self.refused("run", "--idle-timeout=1ms", says="--idle-timeout")
        # Nothing was made by all this.
        self.refused("run", "--ping-interval=1h", f"--data-dir={self.folder}/none", says="half")
        self.assertFalse((self.folder / "none").exists())

    def test_help(self):
        for command in (*COMMANDS, "completion"):
            with self.subTest(command):
                for letter in ("--help", "-h"):
                    done = self.expect(0, command, letter)
                    self.assertEqual(done.err, "")
                    self.assertIn(f"usage: wakupeers {command}", done.out)
                    self.check_width(done.out)
        self.check_width(self.expect(0, "--help").out)
        # Also where something else is wrong, but not on the line itself.
        self.expect(0, "run", "--help", env={"WAKUPEERS_TCP_PORT": "x"})

    def check_width(self, text):
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
            self.assertEqual(line, line.rstrip())

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([api.program(), "run", "--help"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=api.PATIENCE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left", done.stderr)


class Sources(ApiTest):
    """Which value counts is seen on what the daemon does."""

    def shown(self, *arguments, env=None):
        """The first lines of a daemon's log, up to its REST address."""
        process = subprocess.Popen(
            api.driver.die_with_parent([api.program(), "run", f"--data-dir={self.folder}/data", *LOOPBACK, *arguments]),
            stderr=subprocess.PIPE, text=True, cwd=self.folder, env=api.clean_environment(**(env or {})))
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "metrics at" in line:
                break
        process.terminate()
        lines += process.stderr
        self.assertEqual(process.wait(), 0, "".join(lines))
        return "".join(lines)

    def file(self, text):
        path = self.folder / "options.ini"
        path.write_text(text, encoding="utf-8")
        return f"--config-file={path}"

    def is_json(self, log):
        return all(line.startswith("{") for line in log.splitlines())

    def test_line_before_environment_before_file(self):
        file = self.file("log-format = json\n")
        json_env = {"WAKUPEERS_LOG_FORMAT": "json"}
        text_env = {"WAKUPEERS_LOG_FORMAT": "text"}
        self.assertFalse(self.is_json(self.shown()))
        self.assertTrue(self.is_json(self.shown(file)))
        self.assertFalse(self.is_json(self.shown(file, env=text_env)))
        self.assertTrue(self.is_json(self.shown(env=json_env)))
        self.assertFalse(self.is_json(self.shown("--log-format=text", env=json_env)))
        self.assertFalse(self.is_json(self.shown("--log-format=text", file)))
        self.assertTrue(self.is_json(self.shown("--log-format=text", "--log-format", "json", file)))
        # An empty variable is none; the file may be named in the environment.
        self.assertTrue(self.is_json(self.shown(file, env={"WAKUPEERS_LOG_FORMAT": ""})))
        self.assertTrue(self.is_json(self.shown(env={"WAKUPEERS_CONFIG_FILE": file.split("=")[1]})))

    def test_a_file_with_all_that_may_be_in_it(self):
        log = self.shown(self.file('\ufeff# a comment\n; another\n\n[section]\nlog-format="json"\r\n'
                                   "  log-level =  warn \nmetrics-server-port = 0\nkeep-alive = false"),
                         "--log-level=info")
        self.assertTrue(self.is_json(log))

    def test_a_long_line(self):
        name = ".".join(["a" * 60] * 4)
        log = self.shown(self.file(f"staticnode = /dns4/{name}/tcp/1/p2p/{api.NOBODY}\n"))
        self.assertIn("metrics at", log)

    def test_files_that_are_wrong(self):
        done = self.expect(2, "run", self.file("tcp-port = 1\ntcp-prt = 2\nrest-port = x\nfoo\n= 3\n"
                                               "config-file = other\nhelp = true\n"))
        for line, says in ((2, "tcp-prt"), (3, "rest-port"), (4, "NAME = VALUE"), (5, "NAME = VALUE"),
                           (6, "config-file"), (7, "help")):
            self.assertRegex(done.err, rf"options\.ini: line {line}:? .*{says}")
        self.assertIn("Is a directory", self.expect(2, "run", f"--config-file={self.folder}").err)
        self.assertIn("No such file", self.expect(2, "run", "--config-file=/nope").err)
        (self.folder / "large").write_bytes(b"#" * (1 << 20) + b"\n")
        self.assertIn("1 MiB", self.expect(2, "run", f"--config-file={self.folder}/large").err)
        (self.folder / "binary").write_bytes(b"tcp-port = 1\nlog-level = in\0fo\n")
        self.assertIn("line 2 holds a NUL", self.expect(2, "run", f"--config-file={self.folder}/binary").err)

    def test_an_environment_that_is_wrong(self):
        done = self.expect(2, "run", env={"WAKUPEERS_TCP_PORT": "x"})
        self.assertIn('WAKUPEERS_TCP_PORT: "x"', done.err)
        done = self.expect(2, "run", env={"WAKUPEERS_SHARD": "1,,2"})
        self.assertIn("WAKUPEERS_SHARD", done.err)

    def peers_of(self, env=None, **options):
        """The static nodes that a daemon knows, by their port."""
        with unittest.mock.patch.dict("os.environ", env or {}):
            made = self.daemon(**options)
        return sorted(int(peer["addresses"][0]["address"].split("/")[4])
                      for peer in made.peers().values())

    def test_lists(self):
        ids = [self.expect(0, "key", "new", f"--data-dir=key-{i}", "--json") for i in range(3)]
        a, b, c = (f"/ip4/127.0.0.1/tcp/{i + 1}/p2p/{json.loads(each.out)['peerId']}"
                   for i, each in enumerate(ids))
        file = self.file(f"staticnode = {a}\nstaticnode = {b}\n").split("=")[1]
        in_environment = {"WAKUPEERS_STATICNODE": c}
        self.assertEqual(self.peers_of(staticnode=[a, c]), [1, 3])
        self.assertEqual(self.peers_of(config_file=file), [1, 2])
        self.assertEqual(self.peers_of({"WAKUPEERS_STATICNODE": f"{b},{c}"}), [2, 3])
        # A list in one place stands for the whole list.
        self.assertEqual(self.peers_of(in_environment, config_file=file), [3])
        self.assertEqual(self.peers_of(in_environment, config_file=file, staticnode=b), [2])

    def test_booleans(self):
        for given, served in ((["--rest"], True), (["--rest=true"], True), (["--rest=false"], False),
                              (["--rest=false", "--rest"], True)):
            with self.subTest(given):
                self.assertEqual("REST at" in self.shown(*given), served)
        self.assertNotIn("REST at", self.shown(env={"WAKUPEERS_REST": "false"}))
        self.assertNotIn("REST at", self.shown(self.file("rest = false\n")))

    def test_durations(self):
        for good in ("500ms", "5s", "10m", "2h", "300", "0.5s", "1.5", "2.25m"):
            with self.subTest(good):
                done = self.run_program("run", f"--reconnect-max={good}", "--nodekey=x")
                self.assertIn("--nodekey", done.err, "it is not the duration that is wrong")


class Completion(ApiTest):
    def complete(self, *words):
        """What the script offers for the last of the words, split as bash splits them."""
        script = self.expect(0, "completion", "bash").out
        quoted = " ".join(f"'{word}'" for word in words)
        line = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _wakupeers; echo \"${{COMPREPLY[@]}}\""
        done = subprocess.run(["bash", "-c", f"{script}\n{line}"], capture_output=True, text=True,
                              timeout=api.PATIENCE, check=False, cwd=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_words(self):
        self.assertEqual(self.complete("wakupeers", "p"), ["ping", "peers", "plan"])
        self.assertEqual(self.complete("wakupeers", "peers", "dis"), ["discovered", "disconnect"])
        self.assertEqual(self.complete("wakupeers", "run", "--log-l"), ["--log-level="])
        self.assertEqual(self.complete("wakupeers", "run", "--log-level", "=", "de"), ["debug"])
        self.assertEqual(self.complete("wakupeers", "run", "--keep-alive", "="), ["true", "false"])
        self.assertEqual(self.complete("wakupeers", "run", "--tcp-port", "="), [])
        (self.folder / "some-directory").mkdir()
        self.assertEqual(self.complete("wakupeers", "run", "--data-dir", "=", "some"), ["some-directory"])

    def test_every_option_is_offered(self):
        for command in COMMANDS:
            offered = {word.strip("-=") for word in self.complete("wakupeers", command, "--")}
            self.assertEqual(offered, options_of(self.expect(0, command, "--help").out))


if __name__ == "__main__":
    api.main()
