#include "simulator/transport.h"

namespace tau::sim {
namespace {

Status net_failure(Code code, std::string_view reason, bool retryable) {
  ErrorInfo info;
  info.code = code;
  info.reason = reason;
  info.message = "simulated";
  info.retryable = retryable;
  return Status(std::move(info));
}

}  // namespace

net::RequestId SimHttp::start(net::HttpRequest request, net::HttpSink& sink) {
  const net::RequestId id = ++last_;
  Transfer transfer;
  transfer.sink = &sink;
  transfer.script = hooks_.answer(request);
  transfer.timeouts = request.timeouts;
  transfer.started_ns = loop_.now_ns();
  transfers_.emplace(id, std::move(transfer));
  schedule(id);
  return id;
}

void SimHttp::cancel(net::RequestId id) {
  const auto node = transfers_.extract(id);
  if (!node.empty() && node.mapped().answered) hooks_.hit(Fault::kCancelledBytes);
}

// How long the client waits for the next piece.
int64_t SimHttp::patience_ns(const Transfer& transfer) const {
  const int64_t quiet_ms = transfer.answered ? transfer.timeouts.idle_ms : transfer.timeouts.first_byte_ms;
  const int64_t left_ns = transfer.started_ns + transfer.timeouts.total_ms * kMs - loop_.now_ns();
  return std::min(quiet_ms * kMs, left_ns);
}

void SimHttp::schedule(net::RequestId id) {
  Transfer& transfer = transfers_.at(id);
  const int64_t patience = patience_ns(transfer);
  if (transfer.script[transfer.next].delay_ns > patience) {
    Piece timeout;
    timeout.kind = Piece::Kind::kEnd;
    timeout.delay_ns = std::max<int64_t>(0, patience);
    timeout.end = transfer.answered ? net_failure(Code::kDeadlineExceeded, "idle_timeout", false)
                                    : net_failure(Code::kDeadlineExceeded, "first_byte_timeout", true);
    transfer.script.resize(transfer.next);
    transfer.script.push_back(std::move(timeout));
  }
  loop_.after(transfer.script[transfer.next].delay_ns, [this, id] {
    if (transfers_.contains(id)) deliver(id);
  });
}

void SimHttp::deliver(net::RequestId id) {
  Transfer& transfer = transfers_.at(id);
  const Piece piece = std::move(transfer.script[transfer.next++]);
  net::HttpSink& sink = *transfer.sink;
  if (piece.fault != Fault::kCount) {
    hooks_.about_to_hit(piece.fault);
    if (!transfers_.contains(id)) return;
    hooks_.hit(piece.fault);
  }
  if (piece.kind == Piece::Kind::kEnd) {
    transfers_.erase(id);
    return sink.on_done(piece.end);
  }
  if (piece.kind == Piece::Kind::kHead) sink.on_head(piece.http_status, piece.headers);
  if (piece.kind == Piece::Kind::kBody && transfers_.contains(id)) {
    transfers_.at(id).answered = true;
    sink.on_body(piece.bytes);
  }
  if (transfers_.contains(id)) schedule(id);
}

}  // namespace tau::sim
