// Symbol visibility of the shared library: everything is hidden but what carries CE_API.
#pragma once

#define CE_API [[gnu::visibility("default")]]
