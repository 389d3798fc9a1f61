// Everything of the HTTP server in one include.
#pragma once

#include <corevent/http/request.h>
#include <corevent/http/responder.h>
#include <corevent/http/response.h>
#include <corevent/http/server.h>
#include <corevent/http/static_files.h>
#include <corevent/loop_group.h>
#include <corevent/offload.h>
#include <corevent/task_scope.h>
