// Listen: turns the addresses of the command line into listeners of a server: both loopback
// addresses by default, unix sockets with their mode, sockets inherited from systemd. Start-up
// only, before threads exist.
#pragma once

#include "app/options.h"

#include <corevent/http/server.h>

namespace corevent::app {

/// Opens everything or says why not.
OrStop<void> open_listeners(http::Server& server, const ServerOptions& options);

}  // namespace corevent::app
