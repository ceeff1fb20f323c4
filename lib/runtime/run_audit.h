// What one run tells the audit log. On the run's loop; nothing here waits or throws.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "observe/observe.h"
#include "provider/provider.h"
#include "runtime/audit.h"
#include "runtime/network_audit.h"
#include "tool/tool.h"
#include "wire/wire.h"

namespace tau::runtime {

// The end of a request to a model that no run made.
struct ModelRequestRecord {
  std::string_view principal;
  std::string_view model;  // "provider/model", or "route/NAME" where it is not known who of it answered
  Status status;
  int64_t began_ns = 0;
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cost_usd_micros = 0;
  int64_t requests = 1;  // that it took
};
void note_model_request(Audit& audit, const ModelRequestRecord& request) noexcept;

// Whose run it is.
struct AuditedRun {
  SharedString principal;
  SharedString session;
  SharedString run;
  SharedString model;  // "provider/model"
  int64_t policy_epoch = 0;
};

class RunAudit final : public tool::AuditSink {
 public:
  RunAudit(Audit& audit, Clock& clock, AuditedRun whose)
      : audit_(audit), clock_(clock), whose_(std::move(whose)) {}

  void started(std::string_view action) noexcept;
  void ended(Code code, std::string_view reason) noexcept;

  void model_called() noexcept { model_began_ns_ = clock_.monotonic_ns(); }
  // The end of a request, or of an attempt after which another one follows.
  // `call_id`: of the tool call that asked; empty: the run itself did.
  void model_done(const provider::Route& route, const wire::Usage& usage, int64_t cost_usd_micros,
                  std::string_view call_id = {}) noexcept;
  void model_failed(const provider::Route& route, const Status& why, const wire::Usage& usage,
                    int64_t cost_usd_micros, std::string_view call_id = {}) noexcept;

  void approval_asked(std::string_view call_id, std::string_view tool, std::string_view reason) noexcept;
  // `refused`: why the answer counted for nothing; empty when it did. `decider`: who gave it; empty: the
  // host.
  void approval_answered(std::string_view call_id, bool allow, std::string_view reason,
                         std::string_view refused, std::string_view decider) noexcept;
  // A call that policy had allowed and that is not executed all the same.
  void refused(const tool::Call& call, std::string_view reason) noexcept;

  // tool::AuditSink
  void on_decision(const tool::Facts& facts, const tool::Verdict& verdict) override;
  bool admit(const tool::Call& call, const tool::Manifest& manifest, Admission later) override;
  void on_result(const tool::Call& call, const tool::Result& result) override;
  void on_connection(const tool::Call& call, Connection moment, const net::ProxyRecord& connection) override;

 private:
  // What became of the record of a decision.
  class Receipt;
  struct OpenCall {
    std::string id;
    std::shared_ptr<Receipt> receipt;  // null: nobody waits for it
    int64_t began_ns = 0;
    std::unique_ptr<NetworkAudit> network;  // null: the call made no connection
  };
  observe::Record record(observe::Kind kind) const;
  observe::Record model_record(const provider::Route& route, const wire::Usage& usage,
                               int64_t cost_usd_micros);
  int64_t since_ms(int64_t began_ns) const;
  OpenCall& open_call(const std::string& id);

  Audit& audit_;
  Clock& clock_;
  const AuditedRun whose_;
  std::vector<OpenCall> calls_;
  int64_t began_ns_ = 0;
  int64_t model_began_ns_ = 0;
  int64_t input_tokens_ = 0;
  int64_t output_tokens_ = 0;
  int64_t cost_usd_micros_ = 0;
};

}  // namespace tau::runtime
