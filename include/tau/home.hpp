// Homes: putting a backup back, checking a home. Backup and pruning are members of Runtime.
#ifndef TAU_HOME_HPP
#define TAU_HOME_HPP

#include <tau/home.h>

#include <tau/run.hpp>

namespace tau {
inline namespace v0 {

// Puts a backup in the place of a home that no program has open, as a JSON report (tau_home_restore). replace:
// a database that is there is moved to a directory "replaced-<time>" of the home.
// Errors: kFailedPrecondition "home_not_empty", "backup_too_new"; kUnavailable "home_busy"; kNotFound
// "no_backup"; kDataLoss "backup_damaged". The home is unchanged after each.
// Thread: any; blocks while it copies.
inline Result<Text> restore_home(std::string_view backup, std::string_view home, bool replace = false) {
  return detail::text_of(tau_home_restore, detail::str(backup), detail::str(home),
                         detail::flag(replace, TAU_HOME_REPLACE));
}

// Checks a home or a backup, also one that is in use, and reports as JSON (tau_home_verify).
// Errors: kDataLoss "home_damaged" (the report is there all the same, and lists what is wrong),
// "database_corrupt"; kNotFound "no_such_database".
// Thread: any; blocks while it reads.
inline Outcome verify_home(std::string_view home) {
  return detail::outcome_of(tau_home_verify, detail::str(home));
}

}  // namespace v0
}  // namespace tau

#endif
