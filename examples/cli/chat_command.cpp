#include "commands.h"
namespace cli { int command_chat(const Options&) { return kExitFailed; } }
