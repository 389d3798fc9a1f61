# shellcheck shell=bash
# Progress for shell scripts: source it, set steps_total, then `step "what" command...` for each step.
#
# Prints "[2/3] building release: 41 s". The output of the command goes to a log, of which a terminal shows the last line
# while it runs and a failure shows the end.
steps_done=0
steps_total=${steps_total:-1}

step() {
    local what=$1 log status=0 started=$SECONDS
    shift
    steps_done=$((steps_done + 1))
    local head="[$steps_done/$steps_total] $what"
    log=$(mktemp)
    if [ -t 2 ]; then
        show_progress "$head" "$log" &
        local shower=$!
        "$@" >"$log" 2>&1 </dev/null || status=$?
        kill "$shower" 2>/dev/null || true
        wait "$shower" 2>/dev/null || true
        printf '\r\033[K' >&2
    else
        echo "$head…" >&2
        "$@" >"$log" 2>&1 </dev/null || status=$?
    fi
    echo "$head: $((SECONDS - started)) s" >&2
    if [ "$status" -ne 0 ]; then
        tail -n 60 "$log" >&2
        echo "$head: failed (exit status $status), the end of its output is above" >&2
    fi
    rm -f "$log"
    return "$status"
}

# One line, renewed until the step or the script ends.
show_progress() {
    local head=$1 log=$2 started=$SECONDS columns
    columns=$(tput cols 2>/dev/null || echo 80)
    while kill -0 $$ 2>/dev/null; do
        printf '%s… %d s  %s' "$head" $((SECONDS - started)) "$(tail -n 1 "$log" | tr -d '\r')" |
            cut -c "1-$((columns - 1))" | tr -d '\n' | sed $'s/^/\r\033[K/' >&2
        sleep 0.3
    done
}

# configure PRESET and build PRESET [TARGET...], of CMakePresets.json. A configuration is redone when the presets have
# changed or tools/setup has brought packages since; what changes in the sources the build notices by itself.
configure() {
    local made=build/$1/configured
    if [ ! -f "$made" ] || [ CMakePresets.json -nt "$made" ] || [ build/packages-installed -nt "$made" ]; then
        cmake --preset "$1" && touch "$made"
    fi
}
build() {
    local preset=$1
    shift
    cmake --build --preset "$preset" ${1:+--target "$@"}
}
