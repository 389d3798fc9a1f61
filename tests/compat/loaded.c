/* Says which files named after libevent or corevent this process has mapped, one a line. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    char line[4096];
    char last[4096] = "";
    FILE* maps = fopen("/proc/self/maps", "r");
    if (maps == NULL || event_get_version() == NULL) return 1;
    while (fgets(line, sizeof line, maps) != NULL) {
        const char* path = strchr(line, '/');
        if (path == NULL || strstr(path, "event") == NULL || strstr(path, ".so") == NULL ||
            strcmp(path, last) == 0)
            continue;
        strcpy(last, path);
        fputs(path, stdout);
    }
    fclose(maps);
    return 0;
}
