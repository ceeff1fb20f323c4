// Questions about held texts, put to the model of a run: each is a request of its own that holds nothing of
// the conversation and offers no tools, and its answer is read in a closed form. On the run's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/base.h"
#include "net/net.h"
#include "provider/provider.h"
#include "tool/tool.h"
#include "wire/wire.h"

namespace tau::runtime {

class RunAudit;

class HeldReader final : private provider::CallSink {
 public:
  // All outlive this; `audit` may be null.
  HeldReader(provider::Model& model, net::Loop& loop, RunAudit* audit)
      : model_(model), loop_(loop), audit_(audit) {}
  ~HeldReader() override { drop(); }
  HeldReader(const HeldReader&) = delete;
  HeldReader& operator=(const HeldReader&) = delete;

  struct Terms {
    SharedString request_id = {};
    std::string traceparent = {};
    std::string model = {};  // as the run's requests name it
    // What the run has left; negative: no limit.
    int64_t tokens_left = -1;
    int64_t cost_left_usd_micros = -1;
    provider::HostModelPort* port = nullptr;  // of a model of the host; outlives the question
  };
  // Answers once. `call` is looked at before this returns. Errors: "max_tokens" and "max_cost" when the run
  // has too little left, "busy" while another question is open, "model_failed", "tool_timeout", "cancelled",
  // "answer_form", "no_extract". None says anything of the text or the answer.
  void ask(const tool::Call& call, tool::HeldQuestion question, Terms terms, tool::Reply reply);
  // Gives up the question of this call, if it is open: it is answered with what it cost so far.
  void stop(std::string_view call_id);
  // Gives up whatever is open, unanswered.
  void drop() noexcept;

 private:
  struct Open {
    std::string call_id;
    tool::HeldQuestion question;
    tool::Reply reply;
    wire::Request request;
    int64_t prompt_tokens = 0;
    provider::CallId id = 0;
    net::TimerId timer = 0;
  };
  void give_up(std::string_view reason, std::string_view message);
  void finish(tool::Result result);
  tool::ModelUse use_of(const wire::Response& response, bool whole) const;
  tool::Result read(const wire::Response& response) const;

  // provider::CallSink
  void on_event(const wire::StreamEvent&) override {}
  void on_attempt(int attempt, const Status& previous) override;
  void on_response(wire::Response response) override;
  void on_failure(const Status& status, wire::Response partial) override;

  provider::Model& model_;
  net::Loop& loop_;
  RunAudit* const audit_;
  std::optional<Open> open_;
};

}  // namespace tau::runtime
