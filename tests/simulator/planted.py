#!/usr/bin/env python3
"""Plants bugs in the library, one at a time, and expects the simulator to find each.

Usage: planted.py BUILD_DIR [--only NAME] [--seeds N] [--jobs N]

Each row below is a change to one source file. The changed copy is compiled with the file's own command into a folder
of the build, linked in front of the library's archive into a simulator of its own, and run over seeds until an
invariant breaks. The row names the invariant that must be the one. Printed is TAP.
"""

import argparse
import json
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = "tests/simulator/test_simulator"
LIMIT_S = 240

# name, file, text (once in the file), what stands there instead, what the simulator must say
BUGS = [
    ("no_commit_before_a_tool", "lib/agent/calls.cpp",
     "if (!call.pure) effects_.emplace_back(Commit{});", "",
     "acted before its intent was durable"),
    ("terminal_event_before_its_commit", "lib/agent/run.cpp",
     "effects_.emplace_back(Finish{.code = code, .outcome = outcome});\n  effects_.emplace_back(Commit{});",
     "effects_.emplace_back(Finish{.code = code, .outcome = outcome});",
     "the terminal event came before it was durable"),
    ("op_accepted_before_its_commit", "lib/agent/run.cpp",
     "if (!in.op_id.empty()) {\n    effects_.emplace_back(Commit{});", "if (!in.op_id.empty()) {",
     "was acknowledged before it was durable"),
    ("result_accepted_before_its_commit", "lib/runtime/effects.cpp",
     "agent::Effect(agent::Commit{})", "agent::Effect(agent::CancelTimer{})",
     "was acknowledged before it was durable"),
    ("commit_ignores_what_is_on_its_way", "lib/runtime/driver.cpp",
     "&& undurable_->load() == 0;", ";",
     "before it was durable"),
    ("steering_is_not_journaled", "lib/runtime/driver.cpp",
     "worth_a_flush(input.body)) flush_soon_ = true;",
     "worth_a_flush(input.body)) flush_soon_ = true;\n"
     "  if (row.kind == std::string_view(\"op\")) batch_.rows.pop_back();",
     "before it was durable"),
    ("tools_are_repeated_after_a_crash", "lib/agent/run.cpp",
     "if (call.idempotent) {", "if (call.idempotent || !call.pure) {",
     "took effect twice"),
    ("two_terminal_events", "lib/runtime/driver.cpp",
     "seams_.output.emit(std::move(last));", "seams_.output.emit(last), seams_.output.emit(std::move(last));",
     "a second terminal event"),
    ("results_lost_on_cancel", "lib/runtime/effects.cpp",
     "if (const auto self = weak.lock()) self->tool_finished(",
     "if (const auto self = weak.lock(); self && !self->cancel_requested_) self->tool_finished(",
     "the run waits for nothing"),
    ("results_out_of_order", "lib/agent/calls.cpp",
     "if (call.phase != CallState::Phase::kDone) return;", "if (call.phase != CallState::Phase::kDone) continue;",
     "results out of order"),
    ("approval_timer_goes_on", "lib/agent/calls.cpp",
     "  effects_.emplace_back(CancelTimer{std::string(kApprovalTimer) + tool_call(call).id});\n  if (in.allow)",
     "  if (in.allow)",
     "the timer of an answered approval went on"),
    ("approval_timer_not_set", "lib/agent/calls.cpp",
     "if (s_.config->limits.approval_timeout_ms > 0)", "if (s_.config->limits.approval_timeout_ms < 0)",
     "an approval waited for longer than it may"),
    ("denied_calls_run", "lib/agent/calls.cpp",
     "case Verdict::Decision::kDeny: refuse(*call, in.reason, in.message); break;",
     "case Verdict::Decision::kDeny: call->phase = CallState::Phase::kReady; break;",
     "acted although policy did not allow it"),
    ("asked_calls_run", "lib/agent/calls.cpp",
     "call->phase = CallState::Phase::kWaiting;", "call->phase = CallState::Phase::kReady;",
     "acted without its approval"),
    ("one_tool_too_many", "lib/agent/calls.cpp",
     "return running < std::max<int64_t>", "return running <= std::max<int64_t>",
     "more tools at once than are allowed"),
    ("exclusive_tools_run_beside_others", "lib/agent/calls.cpp",
     "if (!s_.calls[i].parallel || !other.parallel) return false;", "",
     "a tool runs beside another that must be alone"),
    ("tools_have_no_time_limit", "lib/tool/executor.cpp",
     "loop.set_timer(loop.now_ns() + manifest.timeout_ms * kNanosPerMilli,",
     "loop.set_timer(loop.now_ns() + manifest.timeout_ms * kNanosPerMilli * 100,",
     "a tool ran for longer than it may"),
    ("snapshot_covers_too_much", "lib/runtime/driver.cpp",
     "snapshot->seq = refeeding_ ? seq + 1 : next_seq_;", "snapshot->seq = refeeding_ ? seq + 2 : next_seq_ + 1;",
     "replay diverges"),
    ("snapshot_forgets_messages_that_wait", "lib/agent/snapshot.cpp",
     "s.pending.push_back({p[\"seq\"].as_int(), p[\"steer\"].as_bool()});", "(void)p;",
     "acknowledged and lost"),
    ("snapshot_forgets_the_cost", "lib/agent/snapshot.cpp",
     "s.cost_usd_micros = v[\"cost_usd_micros\"].as_int();", "",
     "what the run cost and what its records say differ"),
    ("waiting_messages_are_not_read_back", "lib/runtime/driver.cpp",
     "if (covered) {", "if (covered) { return true;",
     "acknowledged and lost"),
    ("leases_are_not_checked", "lib/store/memory_store.cpp",
     "it->second.epoch != batch.fence->epoch", "it->second.epoch < 0",
     "the terminal event came before it was durable"),
    ("retry_after_the_first_byte", "lib/provider/http_model.cpp",
     "may_help && !delivered_ &&", "may_help &&",
     "an attempt after the host saw part of an answer"),
    ("partial_answer_lost_on_cancel", "lib/agent/run.cpp",
     "if (s_.phase != Phase::kCutting || in.call != s_.call) return;\n  append_partial(*in.partial);",
     "if (s_.phase != Phase::kCutting || in.call != s_.call) return;",
     "shown to the host and lost"),
    ("partial_answer_keeps_its_calls", "lib/agent/run.cpp",
     "if (const auto* text = part.as<wire::Text>(); text != nullptr && !text->text.empty())",
     "if (part.as<wire::Reasoning>() == nullptr)",
     "has 0 results"),
    ("no_deadline_after_a_crash", "lib/agent/run.cpp",
     "// The clock of the process that died is gone: the run gets its whole time again.\n"
     "  if (s_.config != nullptr && s_.config->limits.max_wall_ms > 0)",
     "if (s_.config == nullptr)",
     "the run took longer than it may"),
    ("parked_for_good", "lib/runtime/driver.cpp",
     "void Driver::unpark() { pump(); }", "void Driver::unpark() {}",
     "the run waits for nothing"),
    ("budget_is_not_checked", "lib/agent/run.cpp",
     "s_.cost_usd_micros + in.cost_bound_usd_micros > limits.max_cost_usd_micros", "s_.cost_usd_micros < 0",
     "the run cost more than it may"),
    ("one_request_id_for_all", "lib/agent/run.cpp",
     "  s_.phase = Phase::kModel;\n  effects_.emplace_back(CallModel{s_.call, request_id()});",
     "  s_.phase = Phase::kModel;\n  effects_.emplace_back(CallModel{s_.call, \"run_sim.m1\"});",
     "one request id for two requests"),
    ("session_keeps_its_run", "lib/runtime/driver.cpp",
     "if (setup_.on_last) setup_.on_last();", "",
     "the terminal event came before the session was free"),
]


class Build:
    """The commands of an existing build."""

    def __init__(self, folder):
        self.folder = folder.resolve()
        commands = json.loads((self.folder / "compile_commands.json").read_text())
        self.compile = {str((self.folder / c["file"]).resolve()): c["command"] for c in commands
                        if ".a.p/" in c["command"]}
        listed = subprocess.run(["ninja", "-C", str(self.folder), "-t", "commands", TARGET], check=True,
                                capture_output=True, text=True).stdout
        self.link = listed.strip().splitlines()[-1]

    def run(self, words):
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)

    def simulator_with(self, name, source, text):
        """Compiles `text` in place of `source` and links a simulator with it. (program, "") or (None, why not)."""
        out = self.folder / "planted" / name
        out.mkdir(parents=True, exist_ok=True)
        changed = out / source.name
        changed.write_text(text)
        words = shlex.split(self.compile[str(source)])
        where = words.index("-o")
        words[where + 1] = str(out / "changed.o")
        words[-1] = str(changed)
        words = [w for i, w in enumerate(words)
                 if w not in ("-MD", "-Werror") and w not in ("-MQ", "-MF") and words[i - 1] not in ("-MQ", "-MF")]
        compiled = self.run([*words, "-I" + str(source.parent)])
        if compiled.returncode != 0:
            return None, "it does not compile: " + compiled.stderr[-600:]
        words = shlex.split(self.link)
        where = words.index("-o")
        program = out / "simulator"
        words[where + 1] = str(program)
        words.insert(where + 2, str(out / "changed.o"))
        linked = self.run(words)
        return (program, "") if linked.returncode == 0 else (None, "it does not link: " + linked.stderr[-600:])


def try_bug(build, bug, seeds):
    """Empty when the simulator finds the bug as it should."""
    name, file, old, new, expected = bug
    source = ROOT / file
    text = source.read_text()
    if text.count(old) != 1:
        return f"its place stands {text.count(old)} times in {file}: write the row anew"
    program, why = build.simulator_with(name, source, text.replace(old, new))
    if program is None:
        return why
    ran = build.run([str(program), "--seeds", str(seeds)])
    program.unlink()
    said = [line for line in ran.stdout.splitlines() if line.startswith("VIOLATION")]
    if ran.returncode == 0:
        return f"not found in {seeds} seeds"
    if not any(expected in line for line in said):
        return f"found by another invariant, status {ran.returncode}: {said[:3]}"
    print(f"# {name}: {said[0]}", flush=True)
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--only")
    parser.add_argument("--seeds", type=int, default=3000)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    bugs = [bug for bug in BUGS if args.only in (None, bug[0])]
    build = Build(args.build)
    failed = 0
    print(f"1..{len(bugs)}")
    with ThreadPoolExecutor(args.jobs) as pool:
        results = pool.map(lambda bug: try_bug(build, bug, args.seeds), bugs)
        for number, (bug, why) in enumerate(zip(bugs, results), 1):
            print(f"{'not ok' if why else 'ok'} {number} - {bug[0]}", flush=True)
            if why:
                failed += 1
                print("# " + why.replace("\n", "\n# "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
