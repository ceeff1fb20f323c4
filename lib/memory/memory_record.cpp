#include "memory/memory_record.h"

#include "memory/fence.h"

namespace tau::memory {
namespace {

constexpr std::string_view kSystem = "system";
constexpr std::string_view kToolPrefix = "tool:";

constexpr size_t kMaxIntegrityBytes = 1 << 10;

// The names of a comma list but "system": who writes a file cannot make it the host's own word.
StatusOr<std::string> without_system(std::string_view names) {
  if (names.size() > kMaxIntegrityBytes)
    return invalid_argument("unknown_label", format("integrity labels of {} bytes; {} are allowed",
                                                    names.size(), kMaxIntegrityBytes));
  std::string out;
  while (!names.empty()) {
    const size_t end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    if (name.starts_with(kToolPrefix) && !is_valid_id(name.substr(kToolPrefix.size())))
      return invalid_argument("unknown_label", "an integrity label of a tool without a name");
    if (name != kSystem) out.append(out.empty() ? "" : ",").append(name);
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return out;
}

}  // namespace

Status check_import_options(const ImportOptions& options) {
  if (options.origin.integrity().empty())
    return invalid_argument("invalid_origin", "an import needs a label for where the file comes from");
  if (options.origin.has(Source::kSystem))
    return invalid_argument("invalid_origin", "what is imported cannot be labelled \"system\"");
  return {};
}

StatusOr<store::Provenance> imported_provenance(std::string_view integrity,
                                                const std::vector<std::string>& readers, bool for_all,
                                                const ImportOptions& options) {
  TAU_ASSIGN_OR_RETURN(const std::string names, without_system(integrity));
  TAU_ASSIGN_OR_RETURN(Labels labels, parse_integrity(names));
  if (!for_all) labels.restrict_readers(readers);
  labels.join(options.origin);
  store::Provenance provenance;
  provenance.principal = options.principal;
  provenance.policy_epoch = options.policy_epoch;
  return relabelled(std::move(provenance), labels);
}

}  // namespace tau::memory
