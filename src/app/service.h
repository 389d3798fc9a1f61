// Service: what `serve` and `echo` share: loops, server, listeners, access log, start-up lines,
// signals, exit code. The calling thread is the controlling thread; it sleeps while the loops work.
#pragma once

#include "app/options.h"

#include <corevent/http/server.h>

#include <functional>
#include <string>

namespace corevent::app {

struct Face {
    std::string title;  ///< after "corevent 0.1.0": "serving ./site"
    std::string note;   ///< after each address: "listing off"; may be empty
};

using AddRoutes = std::function<OrStop<void>(http::Server&)>;

/// Serves until a signal ends it; returns the exit code (0, or 3 when the drain deadline cut
/// something).
OrStop<int> run_service(ServerOptions options, const Face& face, const AddRoutes& add_routes);

}  // namespace corevent::app
