"""Pushes and reads while something is killed, and what must be true of them: an oracle that is told who asked what and who was answered."""
import http.client
import json
import os
import random
import re
import subprocess
import threading
import time
from collections import defaultdict

import project
from deltalake import DeltaTable
from real_servers import ATTACHED
from steps import build, read_parquet

DEADLINE_S = 60
IS_LONG = bool(os.environ.get("ASOF_TEST_LONG"))
PAIRS = 6
CLOCK = "2024-01-02T12:00:00Z"
MATERIALIZED_AT = "2024-01-02T10:00:00Z"
BASE_TIME = "2024-01-02T09:30:00"
HOURS = range(12, 35)  # of the first of January, in which the pushed rows fall: all are in the window of a day

DEFINITIONS = """
entities:
  customer: {keys: {id: int64}}
sources:
  orders: {path: data/orders.csv, event_time: ordered_at}
views:
  spending:
    entity: customer
    source: orders
    step: 1h
    features: {amount: {column: amount, agg: [count, sum], windows: [1d]}}
  last:
    entity: customer
    source: orders
    features: {note: {column: note}, amount: {column: amount}}
"""
FEATURES = ["spending.amount_count_1d", "spending.amount_sum_1d", "last.note", "last.amount"]


def seed():
    """Of this run: the one of a run that failed where ASOF_SEED says it."""
    return int(os.environ.get("ASOF_SEED") or random.SystemRandom().randrange(1 << 32))


def make(settings):
    rows = "".join(f"{key},{BASE_TIME},1,base\n" for key in range(2 * PAIRS))
    shop = project.Project(DEFINITIONS, settings, {"data/orders.csv": "id,ordered_at,amount,note\n" + rows})
    build(shop)
    shop.done("materialize", "--at", MATERIALIZED_AT)
    return shop


class Server:
    """`asof serve` on a port that stays the same when it is started again. To be started by a thread that outlives it."""

    def __init__(self, shop):
        self.shop, self.port, self.process = shop, 0, None
        self.start()
        self.wait_until_ready()

    def start(self):
        self.ready = threading.Event()
        self.log = []
        self.process = subprocess.Popen(
            [*ATTACHED, project.BIN, "serve", "--listen", f"127.0.0.1:{self.port}", "--clock", CLOCK + "!", "--threads", "2"],
            cwd=self.shop.dir, env=project.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read_log, args=(self.process, self.ready, self.log), daemon=True).start()

    def _read_log(self, process, ready, log):
        with process.stderr:
            for line in process.stderr:
                log.append(line)
                if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                    self.port = int(found.group(1))
                    ready.set()

    def wait_until_ready(self):
        deadline = time.monotonic() + DEADLINE_S
        while not self.ready.wait(0.05):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server does not start ({self.process.poll()}): {''.join(self.log)}")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Client:
    """Asks some servers, one connection to each."""

    def __init__(self, servers):
        self.servers = servers
        self.connections = [None] * len(servers)

    def ask(self, which, path, body, headers=None):
        """Its status and JSON; None where the connection fails."""
        connection = self.connections[which]
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.servers[which].port, timeout=DEADLINE_S)
        self.connections[which] = None
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            found = answer.status, json.loads(answer.read())
            self.connections[which] = connection
            return found
        except (OSError, http.client.HTTPException):
            connection.close()
            return None

    def close(self):
        for connection in self.connections:
            if connection:
                connection.close()


class Oracle:
    """Who asked for what, and who was told that it is done. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.asked = defaultdict(dict)  # pair -> {request: (time, amount)}
        self.done = defaultdict(dict)
        self.faults = []

    def ask(self, pair, request, when, amount):
        with self.lock:
            self.asked[pair][request] = when, amount

    def acknowledge(self, pair, request):
        with self.lock:
            self.done[pair][request] = self.asked[pair][request]

    def fault(self, *what):
        with self.lock:
            self.faults.append(what)

    def bounds(self, table, pair):
        """Count and sum of a pair's requests, and of what was there before."""
        with self.lock:
            amounts = [amount for _, amount in table[pair].values()]
        return 1 + len(amounts), 1 + sum(amounts)

    def count_done(self):
        with self.lock:
            return sum(len(requests) for requests in self.done.values())


def state_of(row):
    """What is served of a key."""
    return tuple(row["features"][name] for name in FEATURES)


def state_from(requests):
    """The same, of the requests {id: (time, amount)} that count."""
    amounts = [amount for _, amount in requests.values()]
    newest = max([(BASE_TIME, "base", 1.0)] + [(when, request, amount) for request, (when, amount) in requests.items()])
    return 1 + len(amounts), 1.0 + sum(amounts), newest[1], newest[2]


class World:
    """A shop of pairs of keys: each push has a row for both of a pair, each read asks for both, and finds them equal."""

    def __init__(self, shop, servers, dice, may_disconnect=True):
        self.shop, self.servers, self.dice = shop, servers, dice
        self.may_disconnect = may_disconnect  # else a connection that fails is a fault
        self.oracle = Oracle()
        self.stop_asked = threading.Event()
        self.readers = self.reads = self.refusals = 0
        self.threads = []

    # ---- clients ----

    def start(self, pushers=4, readers=3):
        self.readers = readers
        for number in range(pushers):
            self.threads.append(threading.Thread(target=self._run, args=(self._push, number, random.Random(self.dice.random())), daemon=True))
        for number in range(readers):
            self.threads.append(threading.Thread(target=self._run, args=(self._read, number, random.Random(self.dice.random())), daemon=True))
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stop_asked.set()
        for thread in self.threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), "a client got no answer"

    def _run(self, work, number, dice):
        client = Client(self.servers)
        try:
            work(client, number, dice)
        except Exception as error:  # pylint: disable=broad-except
            self.oracle.fault("client", repr(error))
        finally:
            client.close()

    def _push(self, client, number, dice):
        count = 0
        while not self.stop_asked.is_set():
            count += 1
            pair, request = dice.randrange(PAIRS), f"r-{number}-{count}"
            micros = dice.randrange(HOURS[0] * 3_600_000_000, HOURS[-1] * 3_600_000_000)
            when = f"2024-01-0{1 + micros // 86_400_000_000}T{time.strftime('%H:%M:%S', time.gmtime(micros // 1_000_000))}.{micros % 1_000_000:06}"
            amount = dice.randrange(1, 1 << 20)
            self.oracle.ask(pair, request, when, amount)
            rows = [{"id": key, "ordered_at": when + "Z", "amount": amount, "note": request} for key in (2 * pair, 2 * pair + 1)]
            self._push_until_done(client, dice, pair, request, rows)

    def _push_until_done(self, client, dice, pair, request, rows):
        """Sends it again until it is acknowledged; now and then gives up."""
        gives_up = dice.random() < 0.1
        while True:
            answer = client.ask(dice.randrange(len(self.servers)), "/push/orders", {"rows": rows}, {"X-Request-ID": request})
            if answer and answer[0] == 200:
                if answer[1] != {"accepted": 2, "request_id": request}:
                    self.oracle.fault("push", request, answer)
                self.oracle.acknowledge(pair, request)
                return
            self._note("push", answer)
            if gives_up or self.stop_asked.wait(0.02):
                return

    def _note(self, kind, answer):
        """No answer, or one that is not 200."""
        if answer is None and not self.may_disconnect or answer is not None and answer[0] != 503:
            self.oracle.fault(kind, answer)
        self.refusals += answer is not None

    def _read(self, client, _, dice):
        seen = {}
        while not self.stop_asked.is_set():
            pair = dice.randrange(PAIRS)
            least = self.oracle.bounds(self.oracle.done, pair)
            answer = client.ask(dice.randrange(len(self.servers)), "/features/batch",
                                {"entities": {"id": [2 * pair, 2 * pair + 1]}, "features": FEATURES})
            if not answer or answer[0] != 200:
                self._note("read", answer)
                self.stop_asked.wait(0.02)
                continue
            most = self.oracle.bounds(self.oracle.asked, pair)
            seen[pair] = self._check(pair, [state_of(row) for row in answer[1]["results"]], least, most, seen.get(pair, least))
            self.reads += 1

    def _check(self, pair, states, least, most, before):
        (count, total, note, _), other = states
        if states[0] != other:
            self.oracle.fault("half of a request", pair, states)
        elif count is None or not (least[0] <= count <= most[0] and least[1] <= total <= most[1]):
            self.oracle.fault("not a state", pair, states[0], "at least", least, "at most", most)
        elif count < before[0] or total < before[1]:
            self.oracle.fault("back in time", pair, states[0], "was", before)
        elif note != "base" and note not in self.oracle.asked[pair]:
            self.oracle.fault("nobody's", pair, states[0])
        else:
            return count, total
        return before

    def wait_for_progress(self, pushes=2):
        """Until so many more are acknowledged."""
        deadline = time.monotonic() + DEADLINE_S
        wanted = self.oracle.count_done() + pushes
        while self.oracle.count_done() < wanted and not self.oracle.faults:
            assert time.monotonic() < deadline, f"no push is acknowledged any more: {''.join(self.servers[0].log[-5:])}"
            time.sleep(0.005)

    # ---- the end ----

    def logged(self):
        """{pair: {request: (time, amount)}} of the log, as another reader of the lake has it; each is there whole and once."""
        rows = DeltaTable(str(self.shop.dir / "lake" / "_pushed" / "orders")).to_pyarrow_table().to_pylist()
        keys = defaultdict(list)
        found = defaultdict(dict)
        for row in rows:
            keys[row["note"]].append(row["id"])
            pair = row["id"] // 2
            found[pair][row["note"]] = self.oracle.asked[pair][row["note"]]
        for request, ids in keys.items():
            ids.sort()
            assert len(ids) == 2 and ids[0] % 2 == 0 and ids[1] == ids[0] + 1, f"request {request} is in the log as {ids}"
        return found

    def served(self, which=0):
        client = Client(self.servers)
        answer = client.ask(which, "/features/batch", {"entities": {"id": list(range(2 * PAIRS))}, "features": FEATURES})
        client.close()
        assert answer and answer[0] == 200, answer
        return [state_of(row) for row in answer[1]["results"]]

    def joined(self):
        self.shop.write("spine.csv", "id,event_time\n" + "".join(f"{key},{CLOCK}\n" for key in range(2 * PAIRS)))
        self.shop.done("join", "--spine", "spine.csv", "--features", ",".join(FEATURES), "--out", "out.parquet")
        rows = sorted(read_parquet(self.shop, "out.parquet"), key=lambda row: row["id"])
        return [tuple(list(row.values())[-4:]) for row in rows]

    def check_end(self, test):
        """Every push that was acknowledged counts once, in the lake and online; of the others each counts once or not at all."""
        test.assertEqual([], self.oracle.faults[:3])
        test.assertTrue(self.reads > 0 or not self.readers, "nothing was read: nothing was tested")
        client = Client(self.servers)
        for pair in range(PAIRS):  # what is in the log and not online yet is there after the next push
            self.oracle.ask(pair, f"end-{pair}", f"2024-01-02T11:30:00.{pair:06}", pair)
            self._push_until_done(client, random.Random(pair), pair, f"end-{pair}", [
                {"id": key, "ordered_at": f"2024-01-02T11:30:00.{pair:06}Z", "amount": pair, "note": f"end-{pair}"} for key in (2 * pair, 2 * pair + 1)])
        client.close()
        logged = self.logged()
        for pair in range(PAIRS):
            test.assertLessEqual(self.oracle.done[pair].items(), logged[pair].items(), "an acknowledged push is lost")
        expected = [state_from(logged[key // 2]) for key in range(2 * PAIRS)]
        for which in range(len(self.servers)):
            test.assertEqual(expected, self.served(which))
        build(self.shop)
        test.assertEqual(expected, self.joined())
        self.shop.done("materialize", "--at", CLOCK)
        test.assertEqual(expected, self.served())
