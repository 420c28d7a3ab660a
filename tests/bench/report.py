"""What was measured, as a table for people, as README's Markdown, as JSON."""
import json, os, platform, subprocess, time

from machine import ROOT
from rows import ROWS


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    revision = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {"processors": os.cpu_count(), "model": model, "load_average": os.getloadavg()[0],
            "revision": revision.stdout.strip() or None, "date": time.strftime("%Y-%m-%d")}


def collect(names, measured, about, options):
    """The whole result: rows with their figures, and every round of every measurement."""
    rows = []
    for name in names:
        row = ROWS[name]
        limit, ours, ratio = row.figures(measured[row.measure.__name__])
        rows.append({"name": name, "what": row.what, "against": row.against, "unit": row.unit, "limit": limit, "ours": ours,
                     "ratio": ratio, "target": row.target, "more_is_better": row.more, "reached": row.reached(ratio)})
    return {"machine": about, "options": options, "rows": rows, "measured": measured}


def where(m):
    return (f"measured {m['date']} at revision {m['revision']} on {m['processors']} processors ({m['model']}); load average "
            f"before: {m['load_average']:.1f}.")


def number(v):
    return f"{v:,.0f}" if abs(v) >= 1000 else f"{v:.1f}" if abs(v) >= 10 else f"{v:.2f}"


def bare(text):
    return text.replace("`", "")


def table(result):
    lines = [f"{'':88} {'limit':>10} {'ours':>10} {'':8} {'ratio':>6} {'target':>7}"]
    for r in result["rows"]:
        what = bare(f"{r['name']}: {r['what']}")
        lines.append(f"{what[:88]:88} {number(r['limit']):>10} {number(r['ours']):>10} {r['unit']:8} {r['ratio']:6.2f} "
                     f"{('>= ' if r['more_is_better'] else '<= ') + str(r['target']):>7} {'' if r['reached'] else 'missed'}")
    for name in ("batches", "active"):
        rounds = result["measured"].get(name)
        if rounds:
            lines.append(f"{name}: processor time in us an event (median round): " + cpu(rounds))
    return "\n".join(lines)


def cpu(rounds):
    r = sorted(rounds, key=lambda r: r["ours"])[len(rounds) // 2]
    used = ", ".join(f"{k} {v:.2f}" for k, v in sorted(r["cpu_us"].items()))
    return f"{used}; one XADD {r['limit_cpu_us']:.2f}; {r['patterns_per_event']:.3f} patterns an event"


def markdown(result):
    m = result["machine"]
    lines = ["| what | against | limit | ours | ratio | target |", "|---|---|---|---|---|---|"]
    for r in result["rows"]:
        unit = "" if r["unit"] in ("events/s",) else f" {r['unit']}"
        per = "/s" if r["unit"] == "events/s" else ""
        lines.append(f"| {r['what']} | {r['against']} | {number(r['limit'])}{per}{unit} | {number(r['ours'])}{per}{unit} | "
                     f"{r['ratio']:.2f} | {'at least' if r['more_is_better'] else 'at most'} {r['target']} |")
    lines.append("")
    command = " ".join(["tests/bench/run", *result["options"]])
    lines.append(f"`{command}`; {where(m)}")
    return "\n".join(lines)


def into_readme(name, text):
    """Between the two comments of that name in README.md."""
    path = os.path.join(ROOT, "README.md")
    with open(path) as f:
        page = f.read()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, rest = page.split(begin)
    with open(path, "w") as f:
        f.write(before + begin + text.strip() + "\n" + end + rest.split(end)[1])


def write(path, result):
    with open(path, "w") as f:
        json.dump(result, f, indent=1, allow_nan=False)
        f.write("\n")
