// Where the events of a run are shown: as text for people, as JSON lines for programs, or not at all.
#pragma once

#include <chrono>
#include <string>

#include "handles.h"
#include "json.h"

namespace cli {

class EventView {
 public:
  virtual ~EventView() = default;
  // False when nobody reads any more.
  virtual bool show(const tau_event& event, std::string_view body) = 0;
  // Nothing came for a while.
  virtual void idle() {}
  // Something else is about to be written to the terminal.
  virtual void pause() {}
  // After the terminal event.
  virtual bool finish(const Json& outcome) = 0;
};

// The answer streams to stdout; tools and status go to stderr.
class TextView final : public EventView {
 public:
  TextView();
  bool show(const tau_event& event, std::string_view body) override;
  void idle() override;
  void pause() override;
  bool finish(const Json& outcome) override;

 private:
  bool text(std::string_view piece);
  bool end_line();
  void note(std::string_view line);
  void reasoning(std::string_view piece);

  bool rich_;
  bool terminal_;           // stdout: what a model says is made safe for it
  std::string streamed_;    // of the model's current message
  bool open_line_ = false;  // stdout stands in the middle of a line
  bool open_note_ = false;  // so does stderr
  bool spinning_ = false;
  unsigned spin_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Every event's body is a line on stdout.
class JsonView final : public EventView {
 public:
  bool show(const tau_event& event, std::string_view body) override;
  bool finish(const Json&) override { return true; }
};

// The answer alone, once it is whole: the value that a schema asked for, or the text.
class AnswerView final : public EventView {
 public:
  bool show(const tau_event&, std::string_view) override { return true; }
  bool finish(const Json& outcome) override;
};

// "3 turns, 1,234 tokens, $0.0012" of an outcome.
std::string usage_line(const Json& outcome);

}  // namespace cli
