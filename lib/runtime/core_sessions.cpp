// Sessions by their id, and their leases: the last handle of a session leaves its lease, which is given back
// or taken over by the next run.
#include "runtime/core.h"

namespace tau::runtime {

std::shared_ptr<SharedSession> Core::share_session(const SharedString& id) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = sessions_.find(id);
    if (it != sessions_.end())
      if (auto existing = it->second.shared.lock()) return existing;
  }
  // Made, and in doubt dropped, without the lock: closing takes it.
  const auto fresh = std::make_shared<SharedSession>(weak_from_this(), id);
  std::unique_lock lock(mutex_);
  while (true) {
    auto it = sessions_.find(id);
    if (it == sessions_.end()) it = add_entry(id);
    SessionEntry& entry = it->second;
    if (auto existing = entry.shared.lock()) return existing;
    if (entry.open == nullptr) {
      entry.shared = fresh;
      entry.open = fresh.get();
      return fresh;
    }
    session_closed_.wait(lock);  // nobody holds it any more; what becomes of its lease is not known yet
  }
}

SharedSession::~SharedSession() {
  const auto alive = core.lock();
  if (alive != nullptr && !alive->forked()) alive->close_session(*this);
}

Core::Sessions::iterator Core::add_entry(const SharedString& id) {
  if (spare_entry_.empty()) return sessions_.try_emplace(id).first;
  spare_entry_.key() = id;
  return sessions_.insert(std::move(spare_entry_)).position;
}

void Core::drop_entry(Sessions::iterator entry) noexcept {
  spare_entry_ = sessions_.extract(entry);
  spare_entry_.mapped() = {};
  spare_entry_.key().clear();
}

// The lease goes with the last handle. Giving it back writes to the store: a worker does it where there is
// one. Allocates nothing before it is known to have closed.
void Core::close_session(SharedSession& session) noexcept {
  if (session.configured_for != nullptr && session.instructions.empty())
    session.configured_for->requests->give(session.conversation);
  const SharedString id = session.record.id;
  const bool held = session.lease.epoch != 0;
  const bool later = held && !options_.no_store && workers_.available();
  {
    const std::lock_guard lock(mutex_);
    const auto it = sessions_.find(id);
    if (it == sessions_.end() || it->second.open != &session) return;  // it never came to be known
    SessionEntry& entry = it->second;
    entry.open = nullptr;
    if (later) {
      entry.left = session.lease;
    } else if (held) {
      entry.releasing = true;
    } else if (!entry.releasing && entry.left.epoch == 0) {
      drop_entry(it);
    }
  }
  session_closed_.notify_all();
  if (!held) return;
  // A session that nobody can name is forgotten, and that gives its lease up: not first one and then the
  // other, in between another handle of this id could begin a run.
  if (!later) return release(id, session.lease, options_.no_store && session.unnamed);
  try {
    workers_.submit([weak = weak_from_this(), id] {
      if (const auto core = weak.lock()) core->give_back(id);
    });
  } catch (const std::bad_alloc&) {}  // for the next run on it, or the end of the store
}

// Gives back what a session left, unless a run took it over meanwhile.
void Core::give_back(const SharedString& id) noexcept {
  store::Lease lease;
  {
    const std::lock_guard lock(mutex_);
    const auto it = sessions_.find(id);
    if (it == sessions_.end() || it->second.left.epoch == 0) return;
    lease = std::exchange(it->second.left, {});
    it->second.releasing = true;
  }
  release(id, lease, false);
}

// Of an entry that is `releasing`.
void Core::release(const SharedString& id, const store::Lease& lease, bool forget) noexcept {
  bool released = true;
  try {
    if (forget) {
      store_->forget(id);
    } else {
      released = !store_->release(lease).is_out_of_memory();
    }
  } catch (const std::bad_alloc&) { released = false; }
  {
    const std::lock_guard lock(mutex_);
    const auto it = sessions_.find(id);
    SessionEntry& entry = it->second;
    entry.releasing = false;
    if (!released) {
      entry.left = lease;
    } else if (entry.open == nullptr) {
      drop_entry(it);
    }
  }
  session_closed_.notify_all();
}

StatusOr<store::Lease> Core::acquire(const SharedString& session_id) {
  {
    std::unique_lock lock(mutex_);
    auto it = sessions_.find(session_id);
    while (it != sessions_.end() && it->second.releasing) {
      session_closed_.wait(lock);
      it = sessions_.find(session_id);
    }
    if (it != sessions_.end() && it->second.left.epoch != 0) return std::exchange(it->second.left, {});
  }
  const SharedString resource = SharedString::concat({"session:", session_id});
  if (options_.no_store) return store_->acquire(resource);
  const uint64_t departures = Departure::ended_so_far();
  auto lease = store_->acquire(resource);
  if (lease.ok() || lease.status().reason() != "session_busy") return lease;
  // It may be another runtime of this process that holds it, and is just closing.
  return Departure::wait_for_those_begun(departures) ? store_->acquire(resource) : std::move(lease);
}

void Core::release_sessions() {
  if (options_.no_store) return;  // nobody else could want them
  std::vector<SharedString> left;
  std::vector<std::shared_ptr<SharedSession>> open;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : sessions_) {
      if (entry.left.epoch != 0) left.emplace_back(id);
      if (auto shared = entry.shared.lock()) open.push_back(std::move(shared));
    }
  }
  for (const SharedString& id : left) give_back(id);
  for (const auto& session : open) {
    if (session->busy.exchange(true)) continue;
    const store::Lease lease = std::exchange(session->lease, {});
    if (lease.epoch != 0) (void)store_->release(lease);
    session->busy = false;
  }
}

}  // namespace tau::runtime
