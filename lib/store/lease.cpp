// Lease rows. Whether an owner lives is for owner.h to say.
#include "store/lease.h"

namespace tau::store {
namespace {

struct Row {
  bool exists = false;
  int64_t epoch = 0;
  ProcessIdentity owner;
};

StatusOr<Row> read_row(Connection& db, std::string_view resource) {
  Statement& query =
      db.prepare("SELECT epoch, boot_id, pid, start_time, pid_namespace FROM leases WHERE resource = ?1");
  query.bind(resource);
  TAU_ASSIGN_OR_RETURN(const bool exists, query.step());
  Row row{.exists = exists, .epoch = 0, .owner = {}};
  if (exists) {
    row.epoch = query.integer(0);
    row.owner = {.boot_id = query.text(1),
                 .pid = query.integer(2),
                 .start_time = query.integer(3),
                 .pid_namespace = query.integer(4)};
  }
  query.reset();
  return row;
}

Status busy(std::string_view resource, const ProcessIdentity& owner, const Owners& owners) {
  const bool near = owner.pid_namespace == 0 || owner.pid_namespace == owners.self().pid_namespace;
  return unavailable("session_busy", format("{} is owned by process {}{}", resource, owner.pid,
                                            near ? "" : " of another PID namespace (container)"));
}

}  // namespace

StatusOr<Lease> acquire_lease(Connection& db, std::string_view resource, const Owners& owners,
                              int64_t now_ms) {
  TAU_ASSIGN_OR_RETURN(const Row row, read_row(db, resource));
  if (row.exists && owners.is_alive(row.owner)) return busy(resource, row.owner, owners);
  Statement& put = db.prepare(
      "INSERT INTO leases(resource, epoch, boot_id, pid, start_time, acquired_ms, pid_namespace)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(resource) DO UPDATE SET epoch = excluded.epoch,"
      " boot_id = excluded.boot_id, pid = excluded.pid, start_time = excluded.start_time,"
      " acquired_ms = excluded.acquired_ms, pid_namespace = excluded.pid_namespace");
  const ProcessIdentity& self = owners.self();
  Lease lease{.resource = std::string(resource), .epoch = row.epoch + 1};
  put.bind(resource, lease.epoch, self.boot_id, self.pid, self.start_time, now_ms, self.pid_namespace);
  TAU_RETURN_IF_ERROR(put.run());
  return lease;
}

Status release_lease(Connection& db, const Lease& lease) {
  Statement& update = db.prepare("UPDATE leases SET pid = 0 WHERE resource = ?1 AND epoch = ?2 AND pid <> 0");
  update.bind(lease.resource, lease.epoch);
  TAU_RETURN_IF_ERROR(update.run());
  if (db.changes() == 1) return ok_status();
  return Status(Code::kAborted, "lease_lost",
                format("{} is not held with epoch {} any more", lease.resource, lease.epoch));
}

Status check_not_owned_elsewhere(Connection& db, std::string_view resource, const Owners& owners) {
  TAU_ASSIGN_OR_RETURN(const Row row, read_row(db, resource));
  if (!row.exists || row.owner == owners.self() || !owners.is_alive(row.owner)) return ok_status();
  return busy(resource, row.owner, owners);
}

StatusOr<bool> is_owned(Connection& db, std::string_view resource, const Owners& owners) {
  TAU_ASSIGN_OR_RETURN(const Row row, read_row(db, resource));
  return row.exists && owners.is_alive(row.owner);
}

StatusOr<bool> holds_lease(Connection& db, const Lease& lease, const Owners& owners) {
  TAU_ASSIGN_OR_RETURN(const Row row, read_row(db, lease.resource));
  return row.exists && row.epoch == lease.epoch && owners.is_alive(row.owner);
}

}  // namespace tau::store
