#include "event_view.h"

#include <array>

#include "money.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kNoteWidth = 160;

std::string arguments_of(const Json& body) {
  const Json& arguments = body["arguments"];
  return arguments.is_null() ? body["arguments_text"].as_string() : arguments.dump();
}

}  // namespace

TextView::TextView() : rich_(stderr_is_rich()), terminal_(stdout_is_terminal()) {}

bool TextView::show(const tau_event& event, std::string_view body_text) {
  switch (event.kind) {
    case TAU_EVENT_TEXT: return text(view(event.text));
    case TAU_EVENT_REASONING: reasoning(view(event.text)); return true;
    case TAU_EVENT_SNAPSHOT:
    case TAU_EVENT_MESSAGE: {
      // The whole text: what has not come in pieces is shown now.
      std::string_view whole = view(event.text);
      if (whole.starts_with(streamed_)) whole.remove_prefix(streamed_.size());
      const bool shown = whole.empty() || text(whole);
      if (event.kind == TAU_EVENT_SNAPSHOT) return shown;
      streamed_.clear();
      return end_line() && shown;
    }
    default: break;
  }
  const auto body = Json::parse(body_text);
  if (!body) return true;
  const std::string tool = one_line((*body)["tool"].as_string(), 64);
  if (event.kind == TAU_EVENT_TOOL_STARTED || event.kind == TAU_EVENT_TOOL_CALL) {
    note("· " + tool + " " + arguments_of(*body));
  } else if (event.kind == TAU_EVENT_TOOL_RESULT && (*body)["is_error"].as_bool()) {
    note("! " + tool + ": " + (*body)["reason"].as_string() + ": " + (*body)["content"].as_string());
  } else if (event.kind == TAU_EVENT_TOOL_PROGRESS) {
    note("  " + tool + " " + std::string(view(event.text)));
  } else if (event.kind == TAU_EVENT_ATTEMPT && (*body)["attempt"].as_int() > 1) {
    streamed_.clear();
    note("… trying again (attempt " + std::to_string((*body)["attempt"].as_int()) +
         "): " + (*body)["message"].as_string());
  } else if (event.kind == TAU_EVENT_OP_REJECTED) {
    note("! " + (*body)["message"].as_string());
  }
  return true;
}

bool TextView::text(std::string_view piece) {
  pause();
  streamed_ += piece;
  if (piece.empty()) return true;
  open_line_ = piece.back() != '\n';
  return write_out(terminal_ ? safe_text(piece) : std::string(piece));
}

bool TextView::end_line() {
  if (!open_line_) return true;
  open_line_ = false;
  return write_out("\n");
}

void TextView::note(std::string_view line) {
  pause();
  if (terminal_) end_line();
  write_err(paint(rich_, Style::kDim, one_line(line, kNoteWidth)) + "\n");
}

// Shown to people who watch; nothing that a program would read.
void TextView::reasoning(std::string_view piece) {
  if (!rich_) return;
  if (spinning_) pause();
  write_err(paint(true, Style::kDim, safe_text(piece)));
  open_note_ = true;
}

void TextView::idle() {
  static constexpr std::array<const char*, 10> kFrames = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  if (!rich_ || open_line_ || open_note_) return;
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start_).count();
  spinning_ = true;
  write_err(std::string("\r") + kFrames[spin_++ % kFrames.size()] + " " + std::to_string(seconds) + " s");
}

void TextView::pause() {
  if (spinning_) write_err("\r\033[K");
  if (open_note_) write_err("\n");
  spinning_ = open_note_ = false;
}

bool TextView::finish(const Json& outcome) {
  pause();
  const bool ended = end_line();
  if (outcome["status"].as_string() == "done")
    write_err(paint(rich_, Style::kDim, usage_line(outcome)) + "\n");
  return ended;
}

bool JsonView::show(const tau_event&, std::string_view body) { return write_out(std::string(body) + "\n"); }

bool AnswerView::finish(const Json& outcome) {
  if (outcome["status"].as_string() != "done") return true;
  if (outcome.contains("output")) return write_out(outcome["output"].dump() + "\n");
  const std::string& answer = outcome["text"].as_string();
  const std::string shown = stdout_is_terminal() ? safe_text(answer) : answer;
  return write_out(shown.ends_with('\n') ? shown : shown + "\n");
}

std::string usage_line(const Json& outcome) {
  const Json& usage = outcome["usage"];
  const int64_t turns = outcome["turns"].as_int();
  std::string line = std::to_string(turns) + (turns == 1 ? " turn, " : " turns, ") +
                     std::to_string(usage["input_tokens"].as_int()) + " tokens in, " +
                     std::to_string(usage["output_tokens"].as_int()) + " out";
  const int64_t micros = usage["cost_usd_micros"].as_int();
  return micros == 0 ? line : line + ", " + dollars_text(micros);  // 0: unknown or free
}

}  // namespace cli
