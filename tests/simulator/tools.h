// Tools whose effect on the world is one line in the ledger, and which end in every way that tools can.
#pragma once

#include <map>
#include <string>

#include "simulator/process.h"

namespace tau::sim {

class Process::Tools final : public tool::Tool {
 public:
  Tools(Process& process, tool::Manifest manifest) : process_(process), manifest_(std::move(manifest)) {}
  const tool::Manifest& manifest() const override { return manifest_; }
  void start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
             const std::atomic<bool>& cancelled) override;
  void cancel(std::string_view call_id) override;
  // A call holds its tool, and a tool its open calls: what a crash leaves open is let go.
  void let_go() { open_.clear(); }

 private:
  void meet_fate(const std::string& call_id, Fault fate);

  Process& process_;
  tool::Manifest manifest_;
  std::map<std::string, tool::Reply, std::less<>> open_;
};

}  // namespace tau::sim
