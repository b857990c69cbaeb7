# SPDX-License-Identifier: Apache-2.0
"""The tables of `make bench`: each function measures, returns Markdown and notes what targets are judged by."""
import statistics

import joins
from targets import Limit, Mrfp, NoWait, OneByOne, Sealed, SummedUp, Tls, Writev, measure, measure_all, peers

NAN = float("nan")


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else NAN


def middle(rows, key):
    return median(r[key] for r in rows if r)


def ratio(rows, base, key="cpu_us"):
    """Median of the ratios taken repetition by repetition."""
    return median(r[key] / b[key] for r, b in zip(rows, base) if r and b and b[key])


class Bench:
    def __init__(self, args):
        self.args, self.facts, self.failed = args, {}, 0

    def table(self, head, rows):
        lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"

    def all(self, targets, *case, **more):
        results = measure_all(targets, self.args, *case, **more)
        self.failed += sum(r is None for rows in results.values() for r in rows)
        return results

    # --- tables ---

    def joins(self):
        """What one more participant costs the MRFC, by how many there are."""
        lines, sizes = [], (250, 500) if self.args.quick else (250, 500, 1000)
        for limit, shown in ((500, "500"), (0, "all")):
            for n in sizes:
                rows = [joins.run(self.args.build, n, limit) for _ in range(self.args.reps)]
                self.failed += rows.count(None)
                lines.append([str(n), shown, f"{middle(rows, 'cpu_us'):.0f}", f"{middle(rows, 'notifies'):.1f}",
                              f"{middle(rows, 'full'):.2f}", f"{middle(rows, 'octets') / 1000:.1f}",
                              f"{middle(rows, 'kb'):.1f}"])
        return self.table(["N", "listed", "CPU us/join", "NOTIFYs/join", "of them full", "kB of NOTIFY/join",
                           "kB of memory/join"], lines)

    def fan_out(self):
        cases = [("one in flight, N=100, 1 kB", "w1", 100, 1000, ["-w", "1"]),
                 ("300 messages/s, N=100, 1 kB", "r300", 100, 1000, ["-r", "300"]),
                 ("64 in flight, N=100, 1 kB", "w64", 100, 1000, ["-w", "64"]),
                 ("16 in flight, N=1000, 10 kB", "n1000", 1000, 10000, ["-w", "16"])]
        lines = []
        for name, key, receivers, octets, load in cases:
            results = self.all([Limit, Mrfp, NoWait, Writev] + peers(), receivers, octets, load)
            for server, rows in results.items():
                self.facts[key, server] = ratio(rows, results["limit"])
                self.facts[key, server, "user"] = middle(rows, "user_us")
                self.facts[key, server, "p99"] = ratio(rows, results["limit"], "p99_us")
                lines.append([name, server, f"{middle(rows, 'cpu_us'):.2f}", f"{self.facts[key, server]:.2f}",
                              f"{middle(rows, 'user_us'):.2f}", f"{middle(rows, 'p50_us'):.0f}",
                              f"{middle(rows, 'p99_us'):.0f}", f"{middle(rows, 'per_s'):.0f}",
                              str(sum(r["missing"] for r in rows if r))])
        return self.table(["case", "server", "CPU us/delivery", "ratio to limit", "of it user us", "p50 us", "p99 us",
                           "deliveries/s", "missing"], lines)

    def against(self, what, cases):
        lines = []
        for name, receivers, octets, load in cases:
            results = self.all([Limit, Mrfp, Writev], receivers, octets, load)
            base = results["limit"]
            lines.append([name, f"{middle(base, 'cpu_us'):.2f}"] +
                         [text for server in ("mrfp", "mrfp, writev") for text in
                          (f"{middle(results[server], 'cpu_us'):.2f}", f"{ratio(results[server], base):.2f}")])
        return self.table([what, "limit us/delivery", "mrfp us/delivery", "ratio", "mrfp, writev us/delivery", "ratio"],
                          lines)

    def legs(self):
        sizes = (10, 100, 1000) if self.args.quick else (10, 100, 1000, 10000)
        return self.against("receivers (1 kB, 16 in flight)", [(str(n), n, 1000, ["-w", "16"]) for n in sizes])

    def octets(self):
        return self.against("octets (100 receivers, 16 in flight)",
                            [(str(n), 100, n, ["-w", "16"]) for n in (100, 1000, 10000, 100000)])

    def idle(self):
        """Memory and CPU of a leg: many legs less few."""
        lines, few = [], 10
        sizes = (1000,) if self.args.quick else (10000, 18000)
        for size in sizes:
            for t in (Limit, Mrfp):
                case = dict(seconds=0.05)
                small = self.all([t], few, 100, ["-r", "1"], **case)[t.name]
                large = self.all([t], size, 100, ["-r", "1"], **case)[t.name]
                pairs = [(s, r) for s, r in zip(small, large) if s and r]
                kb = median((r["rss_kb"] - s["rss_kb"]) / (size - few) for s, r in pairs)
                add = median((r["add_us"] * (size + 1) - s["add_us"] * (few + 1)) / (size - few) for s, r in pairs)
                bind = median(r["bind_us"] for _, r in pairs)
                if t is Mrfp and ("idle", "kb") not in self.facts:
                    self.facts.update({("idle", "kb"): kb, ("idle", "set-up"): bind, ("idle", "add"): add})
                lines.append([str(size), t.name, f"{kb:.2f}", f"{add:.1f}" if t is Mrfp else "-", f"{bind:.1f}"])
        return self.table(["legs", "server", "resident kB a leg", "CPU us of its Add", "CPU us to connect and bind"],
                          lines)

    def stalled(self):
        """What 95 receivers have of it when 5 more read nothing."""
        lines = []
        for name, key, load in (("300 messages/s", "r300", ["-r", "300"]), ("64 in flight", "w64", ["-w", "64"])):
            seconds = max(self.args.seconds, 4) if not self.args.quick else self.args.seconds
            alone, among = [], []
            for _ in range(self.args.reps):
                alone.append(measure(Mrfp, self.args, 95, 1000, load, seconds))
                among.append(measure(Mrfp, self.args, 100, 1000, load + ["-S", "5"], seconds))
            self.failed += sum(r is None for r in alone + among)
            cpu, p99 = ratio(among, alone), ratio(among, alone, "p99_us")
            peak = max((r["peak_mb"] for r in among if r), default=NAN)
            self.facts[key, "stalled"] = (cpu, p99, peak)
            lines.append([name, f"{middle(alone, 'cpu_us'):.2f}", f"{middle(among, 'cpu_us'):.2f}", f"{cpu:.2f}",
                          f"{middle(alone, 'p99_us'):.0f}", f"{middle(among, 'p99_us'):.0f}", f"{p99:.2f}",
                          f"{peak:.1f}", str(sum(r["missing"] for r in among if r))])
        return self.table(["load", "CPU us/delivery, 95 read", "95 read, 5 do not", "ratio", "p99 us, 95 read",
                           "95 read, 5 do not", "ratio", "peak resident MB", "missing"], lines)

    def bulk(self):
        rows = self.all([Mrfp], 10, 200, ["-r", "20", "-B", "100000000"])["mrfp"]
        lines = []
        for key, title in (("bulk_s", "seconds for the 100 MB"), ("p50_us", "chat line, p50 us"),
                           ("p99_us", "chat line, p99 us"), ("max_us", "chat line, slowest us"),
                           ("peak_mb", "MRFP's peak resident MB"), ("missing", "chat lines missing")):
            lines.append([title, f"{middle(rows, key):g}", f"{max((r[key] for r in rows if r), default=NAN):g}"])
        return self.table(["100 MB in one SEND to 10 while another chats", "median", "worst run"], lines)

    def mix(self):
        receivers, lines = 100, []
        results = self.all([OneByOne, SummedUp], receivers, 200, ["-r", "20", "-m"])
        for server, rows in results.items():
            notices = median(r["notices"] / (r["delivered"] / receivers) for r in rows if r and r["delivered"])
            lines.append([server, f"{middle(rows, 'cpu_us'):.1f}", f"{ratio(rows, results[OneByOne.name]):.2f}",
                          f"{middle(rows, 'p50_us'):.0f}", f"{middle(rows, 'p99_us'):.0f}", f"{notices:.1f}",
                          str(sum(r["missing"] for r in rows if r))])
        return self.table(["server", "CPU us/chat delivery", "ratio", "chat p50 us", "p99 us",
                           "other messages at the chat's sender, a line", "chat lines missing"], lines)

    def security(self):
        """What hop-by-hop TLS and sealed bodies cost; new keys for a whole room."""
        return self.secure_deliveries() + "\n" + self.secure_idle() + "\n" + self.storms()

    def secure_deliveries(self):
        kinds, lines = [Mrfp, Tls, Sealed], []
        for n in (10, 100, 1000):
            results = self.all(kinds, n, 1000, ["-w", "16"])
            base = results[Mrfp.name]
            for kind in kinds:
                rows = results[kind.name]
                lines.append([str(n), kind.name, f"{middle(rows, 'cpu_us'):.2f}", f"{ratio(rows, base):.2f}",
                              f"{middle(rows, 'user_us'):.2f}", f"{middle(rows, 'p50_us'):.0f}", f"{middle(rows, 'per_s'):.0f}",
                              str(sum(r["missing"] for r in rows if r))])
        return self.table(["receivers", "server", "CPU us/delivery", "ratio to plain", "of it user us", "p50 us", "deliveries/s",
                           "missing"], lines)

    def secure_idle(self):
        few, many, lines = 10, 300 if self.args.quick else 2000, []
        for kind in (Mrfp, Tls):
            small = self.all([kind], few, 100, ["-r", "1"], seconds=0.05)[kind.name]
            large = self.all([kind], many, 100, ["-r", "1"], seconds=0.05)[kind.name]
            pairs = [(s, r) for s, r in zip(small, large) if s and r]
            kb = median((r["rss_kb"] - s["rss_kb"]) / (many - few) for s, r in pairs)
            bind = median(r["bind_us"] for _, r in pairs)
            if kind is Tls:
                self.facts["idle", "tls"] = kb
            lines.append([str(many), kind.name, f"{kb:.2f}", f"{bind:.0f}"])
        return self.table(["idle legs", "server", "resident kB a leg", "CPU us to connect (handshake) and bind"], lines)

    def storms(self):
        import storm  # the terminals' own cryptography, which the other tables do without
        lines = []
        for n in (100,) if self.args.quick else (100, 1000):
            for server in ("local", "external"):
                r = storm.run(self.args.build, n, server)
                self.failed += r is None
                if r is None:
                    continue
                sent, whole = r["sent_ms"], r["all_ms"]
                lines.append([str(n), server, f"{r['octets'] / 1000:.0f}", f"{r['octets'] / r['keys']:.0f}",
                              f"{sent['mrfks']:.1f}" if "mrfks" in sent else "in the MRFC's", f"{sent['mrfc']:.1f}", f"{sent['mrfp']:.1f}",
                              f"{r['ms_99']:.0f}", f"{sum(whole.values()):.0f}"])
        return self.table(["members", "key server", "kB leaving the switch", "octets a key", "CPU ms of the key server", "CPU ms of the MRFC",
                           "CPU ms of the MRFP", "ms until 99 % hold it", "CPU ms of all, confirmations included"], lines)

    def targets(self):
        """Reached or not, by the figures above."""
        f, lines = self.facts, []

        def judge(what, value, good, best, unit=""):
            how = "excellent" if value <= best else "reached" if value <= good else "not reached"
            lines.append([what, f"{value:.2f}{unit}", f"{good:g}{unit}", f"{best:g}{unit}", how])

        judge("ratio, one in flight, writev", f["w1", "mrfp, writev"], 1.3, 1.15)
        judge("ratio, 300 messages/s, writev", f["r300", "mrfp, writev"], 1.3, 1.15)
        judge("ratio, one in flight", f["w1", "mrfp"], 1.0, 0.85)
        judge("ratio, 300 messages/s", f["r300", "mrfp"], 0.8, 0.6)
        judge("ratio, 64 in flight", f["w64", "mrfp"], 2.0, 1.5)
        judge("ratio, N=1000, 10 kB", f["n1000", "mrfp"], 1.6, 1.3)
        judge("user share at 300 messages/s", f["r300", "mrfp", "user"], 0.5, 0.3, " us")
        judge("p99 to the limit's at 300 messages/s", f["r300", "mrfp", "p99"], 1.5, 1.25)
        judge("resident memory of an idle leg", f["idle", "kb"], 4, 1.5, " kB")
        judge("connect and bind of a leg", f["idle", "set-up"], 60, 40, " us")
        judge("resident memory of an idle leg over TLS, all of it", f["idle", "tls"], 20, 18, " kB")
        for key, name in (("r300", "300 messages/s"), ("w64", "64 in flight")):
            cpu, p99, peak = f[key, "stalled"]
            judge(f"5 of 100 stalled, {name}: the others' CPU", cpu, 1.1, 1.1)
            judge(f"5 of 100 stalled, {name}: the others' p99", p99, 1.1, 1.1)
            judge(f"5 of 100 stalled, {name}: peak memory", peak, 26, 26, " MB")
        return self.table(["what", "measured", "wanted", "excellent", ""], lines)
