// A CallSink that remembers, for tests of models.
#pragma once

#include <optional>
#include <string>

#include "provider/provider.h"

namespace tau::provider {

class RecordingSink final : public CallSink {
 public:
  void on_event(const wire::StreamEvent& event) override {
    if (event.kind == wire::StreamEvent::Kind::kText) text += event.text;
  }
  void on_attempt(int attempt, const Status& previous) override {
    attempts = attempt;
    previous_reason = previous.reason();
  }
  void on_response(wire::Response r) override { response = std::move(r); }
  void on_failure(const Status& status, wire::Response p) override {
    failure = status;
    partial = std::move(p);
  }
  bool over() const { return response.has_value() || failure.has_value(); }

  std::string text;
  int attempts = 0;
  std::string previous_reason;
  std::optional<wire::Response> response;
  std::optional<Status> failure;
  wire::Response partial;
};

}  // namespace tau::provider
