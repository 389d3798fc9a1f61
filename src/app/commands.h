// The sub-commands. Each reads its own flags and returns the exit code, or the reason why it
// stopped.
#pragma once

#include "app/flags.h"

namespace corevent::app {

OrStop<int> run_serve(const Settings& settings);
OrStop<int> run_echo(const Settings& settings);
OrStop<int> run_exec(const Settings& settings);
OrStop<int> run_version(const Settings& settings);

}  // namespace corevent::app
