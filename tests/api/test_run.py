"""The daemon's life: its key, its lock, its signals, its log, and what it does without."""

import io
import json
import os
import pty
import re
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import time
import unittest.mock
from pathlib import Path

import api
from api import LOOPBACK, NOBODY, NOBODYS_ADDRESS, PATIENCE, ApiTest, http_call, wait_for


class Key(ApiTest):
    def test_made_once_and_kept_private(self):
        made = self.daemon(log_level="trace")
        path = made.data_dir / "nodekey"
        key = path.read_text(encoding="ascii")
        self.assertRegex(key, r"\A[0-9a-f]{64}\n\Z")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(made.data_dir.stat().st_mode), 0o700)
        first = made.id
        self.assertTrue(first.startswith("16Uiu2HA"), "a secp256k1 key")
        made.terminate()
        made.start()
        self.assertEqual((made.id, path.read_text(encoding="ascii")), (first, key))
        shown = json.loads(self.expect(0, "key", "show", f"--data-dir={made.data_dir}", "--json").out)
        self.assertEqual(shown, {"peerId": first, "type": "secp256k1", "file": str(path)})
        self.assertNotIn(key.strip(), made.log())
        self.assertNotIn(key.strip().upper(), made.log().upper())

    def test_a_key_that_others_can_read(self):
        self.expect(0, "key", "new", "--data-dir=data-0")
        path = self.folder / "data-0" / "nodekey"
        path.chmod(0o644)
        made = self.daemon()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertRegex(made.log(), r"warn .*nodekey could be read by others \(mode 644\)")

    def test_a_broken_key_is_kept(self):
        for text in ("not a key\n", "", "00" * 32, "ff" * 32 + "\n"):
            with self.subTest(text):
                (self.folder / "data").mkdir(exist_ok=True)
                path = self.folder / "data" / "nodekey"
                path.write_text(text, encoding="ascii")
                done = self.expect(1, "run", "--data-dir=data", *LOOPBACK)
                self.assertRegex(done.err, r"data/nodekey: .*; restore it, or remove it")
                self.assertEqual(path.read_text(encoding="ascii"), text)
                self.assertEqual(self.expect(1, "key", "show", "--data-dir=data").out, "")

    def test_a_key_on_the_command_line(self):
        key = "11" * 32
        made = self.daemon(nodekey=key)
        self.assertFalse((made.data_dir / "nodekey").exists())
        self.assertNotIn(key, made.log())
        other = self.daemon(start=False)
        self.expect(0, "key", "new", f"--data-dir={other.data_dir}", "--type=ed25519")
        other.start()
        self.assertTrue(other.id.startswith("12D3Koo"))
        self.assertNotEqual(made.id, other.id)

    def test_new(self):
        for kind, begins in (("secp256k1", "16Uiu2HA"), ("ed25519", "12D3Koo")):
            done = self.expect(0, "key", "new", f"--type={kind}", f"--data-dir=deep/down/{kind}")
            self.assertIn(f"peer id  {begins}", done.out)
            path = self.folder / "deep" / "down" / kind / "nodekey"
            before = path.read_text(encoding="ascii")
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertNotIn(before.strip(), done.out)
            self.assertIn("--force", self.expect(1, "key", "new", f"--data-dir={path.parent}").err)
            self.assertEqual(path.read_text(encoding="ascii"), before)
            self.expect(0, "key", "new", "--force", f"--data-dir={path.parent}")
            self.assertNotEqual(path.read_text(encoding="ascii"), before)
            self.assertEqual([each.name for each in path.parent.glob("*.new")], [])
        self.assertIn("key new", self.expect(1, "key", "show", "--data-dir=empty").err)

    def test_new_under_a_running_daemon(self):
        made = self.daemon()
        done = self.expect(4, "key", "new", "--force", f"--data-dir={made.data_dir}")
        self.assertIn(f"pid {made.pid} ", done.err)

    def test_static_node_that_is_us(self):
        done = self.expect(0, "key", "new", "--data-dir=data", "--json")
        us = f"/ip4/127.0.0.1/tcp/1/p2p/{json.loads(done.out)['peerId']}"
        done = self.expect(2, "run", "--data-dir=data", f"--staticnode={us}", *LOOPBACK)
        self.assertIn("is this node itself", done.err)


class Place(ApiTest):
    def where(self, **env):
        """The data directory of a daemon that is given none."""
        with open(self.folder / "log", "wb") as log:
            process = subprocess.Popen(api.driver.die_with_parent([api.program(), "run", *LOOPBACK]),
                                       stderr=log, cwd=self.folder, env={"PATH": os.environ["PATH"], **env})
        try:
            found = wait_for(lambda: re.search(r"data in (.*)", (self.folder / "log").read_text()),
                             "the daemon says where its data is")
        finally:
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)
        return found[1]

    def test_default(self):
        state, home = self.folder / "state", self.folder / "home"
        self.assertEqual(self.where(HOME=str(home), XDG_STATE_HOME=str(state)), f"{state}/wakupeers")
        self.assertEqual(self.where(HOME=str(home)), f"{home}/.local/state/wakupeers")
        self.assertEqual(self.where(HOME=str(home), XDG_STATE_HOME="not/absolute"),
                         f"{home}/.local/state/wakupeers")
        done = subprocess.run([api.program(), "run"], env={}, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--data-dir", done.stderr)

    def test_that_cannot_be(self):
        (self.folder / "file").touch()
        self.assertIn("file/data", self.expect(1, "run", "--data-dir=file/data", *LOOPBACK).err)
        self.assertIn("too long", self.expect(2, "run", "--data-dir=" + "x/" * 3000, *LOOPBACK).err)


class Lock(ApiTest):
    def test_a_second_daemon(self):
        first = self.daemon()
        done = self.expect(4, "run", f"--data-dir={first.data_dir}", *LOOPBACK)
        self.assertIn(f"pid {first.pid} ", done.err)
        self.assertIn(str(first.data_dir), done.err)
        self.assertEqual(first.ask("GET", "/health")["nodeHealth"], "READY")
        first.kill()
        first.start()
        done = self.expect(4, "run", f"--data-dir={first.data_dir}", *LOOPBACK)
        self.assertIn(f"pid {first.pid} ", done.err)

    def test_many_at_once(self):
        first = self.daemon(start=False)
        others = [subprocess.Popen(api.driver.die_with_parent([
            api.program(), "run", f"--data-dir={first.data_dir}", *LOOPBACK]), stderr=subprocess.PIPE,
            text=True) for _ in range(6)]
        codes = []
        for each in others:
            self.addCleanup(each.stderr.close)
            self.addCleanup(each.wait)
            self.addCleanup(each.kill)
        running = [each for each in others if self.decided(each) is None]
        self.assertEqual(len(running), 1)
        for each in others:
            if each is not running[0]:
                codes.append(each.wait(PATIENCE))
                self.assertIn(f"pid {running[0].pid} ", each.stderr.read())
        self.assertEqual(codes, [4] * 5)

    @staticmethod
    def decided(process):
        """Waits until it holds the lock (None) or ended (its code)."""
        for line in process.stderr:
            if "REST at" in line:
                return None
            if "pid" in line:
                process.wait(PATIENCE)
                process.stderr.close()
                process.stderr = io.StringIO(line)
                return process.returncode
        return process.wait(PATIENCE)

    def test_ports_that_are_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for option in ("tcp-port", "rest-port", "metrics-server-port"):
                with self.subTest(option):
                    done = self.expect(1, "run", "--data-dir=data", *LOOPBACK, f"--{option}={port}")
                    self.assertIn(str(port), done.err)
                    self.assertIn("in use", done.err)
                    self.assertFalse((self.folder / "data" / "rest-address").exists())

    def test_a_port_that_an_outgoing_connection_has(self):
        """As 60000 may be taken by any program: Linux gives outgoing connections such ports."""
        with socket.create_server(("127.0.0.1", 0)) as server, \
                socket.create_connection(server.getsockname()) as link:
            port = link.getsockname()[1]
            done = self.expect(1, "run", "--data-dir=data", *LOOPBACK, f"--tcp-port={port}")
            self.assertIn("wait a minute if an outgoing connection", done.err)

    def test_two_daemons_do_not_share_a_port(self):
        first = self.daemon()
        done = self.expect(1, "run", "--data-dir=data", *LOOPBACK, f"--rest-port={first.port}")
        self.assertIn("--rest-port", done.err)


class Signals(ApiTest):
    def test_clean_end(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                made = self.daemon()
                made.process.send_signal(number)
                self.assertEqual(made.process.wait(PATIENCE), 0)
                self.assertIn(f"{number.name}: shutting down", made.log())
                self.assertFalse((made.data_dir / "rest-address").exists())

    def started(self, before):
        """A daemon that is started with this done in the new process first."""
        made = self.daemon(start=False)
        process = subprocess.Popen([api.program(), "run", f"--data-dir={made.data_dir}", *LOOPBACK],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, preexec_fn=before)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        place = made.data_dir / "rest-address"
        wait_for(lambda: place.exists() and place.read_text(), "its REST address is there")
        return process, place.read_text().strip().removeprefix("http://")

    def test_what_is_ignored(self):
        """nohup keeps it running; that a shell put it into the background does not."""
        def before():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        process, netloc = self.started(before)
        process.send_signal(signal.SIGHUP)
        self.assertEqual(http_call(netloc, "GET", "/version")[0], 200)
        self.assertFalse(self.catches(process.pid, signal.SIGHUP))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_closed_descriptors(self):
        """No socket takes the place of stderr, where the log goes."""
        def before():
            for fd in range(3):
                os.close(fd)
        process, netloc = self.started(before)
        for fd in range(3):
            self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/{fd}"), "/dev/null")
        self.assertEqual(http_call(netloc, "GET", "/version")[0], 200)
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_twice(self):
        made, other = self.daemon(), self.daemon()
        made.connect(other.address)
        made.process.send_signal(signal.SIGTERM)
        made.process.send_signal(signal.SIGINT)
        made.process.send_signal(signal.SIGTERM)
        self.assertEqual(made.process.wait(PATIENCE), 0)
        made.start()
        (peer,) = made.peers().values()
        self.assertEqual((peer["peerId"], peer["reason"]), (other.id, "shutdown"))
        self.assertAlmostEqual(peer["disconnectTime"] / 1000, time.time(), delta=PATIENCE)

    def test_while_starting(self):
        """As soon as it has its handlers, long before it answers."""
        for _ in range(5):
            made = self.daemon(start=False)
            process = subprocess.Popen(api.driver.die_with_parent([
                api.program(), "run", f"--data-dir={made.data_dir}", *LOOPBACK]),
                stderr=subprocess.DEVNULL)
            self.addCleanup(process.kill)
            wait_for(lambda: self.catches(process.pid, signal.SIGTERM), "it watches for signals")
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)
            self.assertFalse((made.data_dir / "rest-address").exists())

    @staticmethod
    def catches(pid, number):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            mask = int(re.search(r"^SigCgt:\s*(\w+)", status.read(), re.M)[1], 16)
        return mask >> (number - 1) & 1

    def test_a_reader_that_goes(self):
        """The log's reader goes away; the daemon stays."""
        made = self.daemon(start=False)
        process = subprocess.Popen(api.driver.die_with_parent([
            api.program(), "run", f"--data-dir={made.data_dir}", *LOOPBACK]), stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        place = made.data_dir / "rest-address"
        wait_for(lambda: place.exists() and place.read_text(), "its REST address is there")
        process.stderr.close()
        netloc = place.read_text().strip().removeprefix("http://")
        status, _, _ = http_call(netloc, "POST", "/admin/v1/peers", json.dumps([NOBODYS_ADDRESS]),
                                 {"Content-Type": "application/json"})
        self.assertEqual(status, 400)
        self.assertEqual(http_call(netloc, "GET", "/version")[0], 200)
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)


class Limits(ApiTest):
    def test_soft_descriptor_limit_is_raised(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        made = self.daemon(start=False)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        try:
            made.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        self.assertEqual(resource.prlimit(made.pid, resource.RLIMIT_NOFILE), (hard, hard))


class Log(ApiTest):
    def test_json(self):
        made = self.daemon(log_format="json", log_level="debug")
        made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS])
        made.terminate()
        lines = [json.loads(line) for line in made.log().splitlines()]
        self.assertGreater(len(lines), 5)
        for line in lines:
            self.assertEqual(set(line), {"time", "level", "topic", "message"})
            self.assertRegex(line["time"], r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
        self.assertIn(f"{NOBODY}: CannotConnect, refused", [line["message"] for line in lines])

    def test_level_while_it_runs(self):
        made = self.daemon(log_level="error")
        made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS])
        self.assertEqual(made.log(), "")
        self.assertEqual(made.ask("POST", "/admin/v1/log-level/DEBUG", {}), "OK")
        other = json.loads(self.expect(0, "key", "new", "--data-dir=key", "--json").out)["peerId"]
        made.request("POST", "/admin/v1/peers", [NOBODYS_ADDRESS.replace(NOBODY, other)])
        self.assertIn(f"{other}: CannotConnect, refused", made.log())
        status, text = made.request("POST", "/admin/v1/log-level/loud", {})
        self.assertEqual((status, text), (400, "Invalid log-level: loud. Please specify one of TRACE, "
                                               "DEBUG, INFO, NOTICE, WARN, ERROR or FATAL"))

    def on_a_terminal(self, **env):
        """What the daemon shows on a terminal."""
        ours, its = pty.openpty()
        process = subprocess.Popen(
            api.driver.die_with_parent([api.program(), "run", f"--data-dir={self.folder}/data", *LOOPBACK]),
            stderr=its, env=api.clean_environment(**env))
        os.close(its)
        shown = b""
        with open(ours, "rb", buffering=0) as terminal:
            while b"metrics at" not in shown:
                shown += terminal.read(4096)
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 0)
        return shown

    def test_colour_only_on_a_terminal(self):
        self.assertIn(b"\033[", self.on_a_terminal())
        self.assertNotIn(b"\033[", self.on_a_terminal(NO_COLOR="1"))
        made = self.daemon()
        self.assertNotIn("\033[", made.log())


class Unusable(ApiTest):
    """A database that cannot be used: the daemon runs from memory, and says so; the file stays."""

    def check(self, made, *says):
        status = json.dumps(made.ask("GET", "/health")["protocolsHealth"][-1])
        self.assertIn('"Storage": "NOT_READY"', status)
        self.assertEqual(made.ask("GET", "/health")["nodeHealth"], "READY")
        self.assertEqual(made.metrics()["wakupeers_storage_healthy"], 0)
        self.assertIn("error", made.log())
        for text in (status, made.log()):
            for each in (str(made.data_dir / "peers.db"), *says):
                self.assertIn(each, text)
        # It works from memory, and nobody is told that what it does is on disk.
        other = self.daemon()
        for method, path, body in (("POST", "/admin/v1/peers", [other.address]),
                                   ("POST", "/admin/v1/ranges/ban", {"range": "192.0.2.0/24"}),
                                   ("POST", f"/admin/v1/peer/{NOBODY}/ban", {}),
                                   ("POST", f"/admin/v1/peer/{NOBODY}/protect", {}),
                                   ("POST", f"/admin/v1/peer/{NOBODY}/score", {"add": 1}),
                                   ("POST", f"/admin/v1/peer/{NOBODY}/disconnect", {}),
                                   ("DELETE", f"/admin/v1/peer/{NOBODY}", None)):
            code, text = made.request(method, path, body)
            self.assertEqual(code, 503, f"{method} {path}: {text}")
            self.assertRegex(text, r"\Adone, but not on disk: [^\n]+\Z")
            self.assertIn(str(made.data_dir / "peers.db"), text)
        made.wait_connected(other.id)
        return other

    def untouched(self, path, before):
        self.assertEqual(path.read_bytes(), before)

    def test_garbage(self):
        made = self.daemon(start=False)
        made.data_dir.mkdir()
        path = made.data_dir / "peers.db"
        path.write_bytes(b"this is no database\n" * 400)
        before = path.read_bytes()
        made.start()
        self.check(made, "database")
        made.terminate()
        self.untouched(path, before)

    def test_newer_schema(self):
        made = self.daemon()
        made.terminate()
        path = made.data_dir / "peers.db"
        link = sqlite3.connect(path)
        link.execute("PRAGMA user_version = 999")
        link.commit()
        link.close()
        before = path.read_bytes()
        made.start()
        self.check(made, "newer")
        made.terminate()
        self.untouched(path, before)

    def test_locked_by_another_process(self):
        made = self.daemon()
        made.terminate()
        path = made.data_dir / "peers.db"
        holder = subprocess.Popen(
            ["/usr/bin/python3", "-c",
             "import sqlite3, sys\n"
             f"link = sqlite3.connect({str(path)!r}, isolation_level=None)\n"
             "link.execute('PRAGMA locking_mode = EXCLUSIVE')\n"
             "link.execute('BEGIN EXCLUSIVE')\n"
             "print('held', flush=True)\n"
             "sys.stdin.read()\n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with holder:
            self.assertEqual(holder.stdout.readline(), "held\n")
            before = path.read_bytes()
            made.start()
            self.check(made, "locked")
            made.terminate()
            self.untouched(path, before)
            holder.stdin.close()

    def mounted(self, made, how):
        """Runs a daemon in a mount namespace of its own, after the commands `how`; needs the right
        to make one."""
        rights = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        if not shutil.which("unshare") or subprocess.run([*rights, "true"], check=False,
                                                         capture_output=True).returncode != 0:
            self.skipTest("no mount namespace can be made here")
        program = api.driver.program
        wrapper = self.folder / "mounted"
        wrapper.write_text(f'#!/bin/sh\n{how}\nexec "{program()}" "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)
        starter = self.folder / "starter"
        starter.write_text(f'#!/bin/sh\nexec {" ".join(rights)} "{wrapper}" "$@"\n', encoding="utf-8")
        starter.chmod(0o755)
        starts = made.log().count("metrics at")
        with unittest.mock.patch.dict("os.environ", {"WAKUPEERS_PROGRAM": str(starter)}):
            process = subprocess.Popen(
                api.driver.die_with_parent([api.program(), "run", f"--data-dir={made.data_dir}",
                                            *api.driver.options_of(made.options)]),
                stderr=made._log)
        made._process = process
        wait_for(lambda: made.log().count("metrics at") > starts or process.poll() is not None,
                 "it has started")
        made._rest = (re.findall(r"REST at http://(\S+)", made.log()) or [None])[-1]

    def test_read_only_directory(self):
        """What is stored is read all the same; nothing can be locked or left behind."""
        made, other = self.daemon(), self.daemon()
        made.connect(other.address)
        other_agent = made.wait_connected(other.id)["agent"]
        made.terminate()
        before = {path.name: path.read_bytes() for path in made.data_dir.iterdir()}
        self.mounted(made, f'mount --bind "{made.data_dir}" "{made.data_dir}"\n'
                           f'mount -o remount,bind,ro "{made.data_dir}"')
        self.assertIn("nothing can be written to", made.log())
        self.assertIn("rest-address cannot be written", made.log())
        self.assertEqual(made.peer(other.id)["agent"], other_agent)
        self.check(made, "make the file and its directory writable")
        listed = self.expect(0, "peers", f"--rest-port={made.port}", "--json").out
        self.assertEqual(len(json.loads(listed)), 2)
        made.terminate()
        self.assertEqual({path.name: path.read_bytes() for path in made.data_dir.iterdir()}, before)

    def test_full_disk(self):
        made = self.daemon()
        made.terminate()
        self.mounted(made, f'cp -a "{made.data_dir}" "{self.folder}/copy"\n'
                           f'mount -t tmpfs -o size=192k none "{made.data_dir}"\n'
                           f'cp -a "{self.folder}/copy/." "{made.data_dir}"\n'
                           f'dd if=/dev/zero of="{made.data_dir}/filler" bs=4k 2>/dev/null')
        self.assertIn("rest-address cannot be written", made.log())
        made.until(lambda: "NOT_READY" in json.dumps(made.ask("GET", "/health")), "stays healthy")
        self.check(made)
        # Room again: it goes on by itself, and its log does not take that room.
        place = os.open(f"/proc/{made.pid}/root{made.data_dir}", os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, place)
        os.unlink("filler", dir_fd=place)
        made.until(lambda: "NOT_READY" not in json.dumps(made.ask("GET", "/health")), "does not recover")
        for verb in ["ban", "unban"] * 30 + ["ban"]:
            self.assertEqual(made.request("POST", f"/admin/v1/peer/{NOBODY}/{verb}", {}), (200, "OK"))
        # What was told to be on disk is there after a crash; what was told before that it is not is there too.
        made.kill()
        for name in ("peers.db", "peers.db-wal"):
            (made.data_dir / name).write_bytes(Path(f"/proc/self/fd/{place}/{name}").read_bytes())
        made.start()
        self.assertTrue(made.peer(NOBODY)["banned"])
        self.assertEqual([each["range"] for each in made.ask("GET", "/admin/v1/ranges/banned")], ["192.0.2.0/24"])

    def test_a_new_key_that_cannot_be_kept(self):
        made = self.daemon(start=False)
        made.data_dir.mkdir()
        self.mounted(made, f'mount --bind "{made.data_dir}" "{made.data_dir}"\n'
                           f'mount -o remount,bind,ro "{made.data_dir}"')
        self.assertEqual(made.process.wait(PATIENCE), 1)
        self.assertIn("the node key cannot be kept", made.log())
        self.assertIn("--nodekey", made.log())


class Listening(ApiTest):
    def addresses(self, *options):
        process = subprocess.Popen(
            api.driver.die_with_parent([api.program(), "run", f"--data-dir={self.folder}/data", *LOOPBACK,
                                        *options]), stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        log = ""
        for line in process.stderr:
            log += line
            if "metrics at" in line:
                break
        if process.poll() is not None:
            self.skipTest(f"cannot listen: {log}")
        netloc = re.search(r"REST at http://(\S+)", log)[1]
        return json.loads(http_call(netloc, "GET", "/info")[2])["listenAddresses"]

    def test_a_wildcard_shows_addresses_that_can_be_dialled(self):
        shown = self.addresses("--listen-address=0.0.0.0")
        self.assertTrue(shown)
        for each in shown:
            self.assertRegex(each, r"\A/ip4/[0-9.]+/tcp/[0-9]+/p2p/16Uiu2HA\w+\Z")
            self.assertNotIn("0.0.0.0", each)

    def test_names(self):
        self.assertRegex(self.addresses("--listen-address=localhost")[0], r"/tcp/[1-9][0-9]*/p2p/")

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("no IPv6 here")
        self.assertRegex(self.addresses("--listen-address=::1", "--rest-address=::1")[0],
                         r"\A/ip6/::1/tcp/[1-9][0-9]*/p2p/")


if __name__ == "__main__":
    api.main()
