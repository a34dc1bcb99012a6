#!/bin/sh
# The health check of a worker: asks it whether it lives, and ends it when it hangs, so that whatever started it starts another.
# A container runtime runs it every few seconds; outside containers a timer does, see examples/systemd/.
#
#   probe.sh        the only worker of a container
#   probe.sh PID    the worker that is this process
#
# Takes HOST and PORT from the environment, as the worker does. Exits with 0 when the worker lives, else with 1. Needs curl, pgrep
# and ps.
#
# The signal is SIGKILL, because a process that hangs runs no handler of any other. It goes to the worker and not to the first
# process of the container: the kernel drops a SIGKILL for that one when it comes from inside. The init ends after the worker.
set -u

# So many failures in a row, which is a minute or more, are no long garbage collection.
FAILURES=4
# In seconds; the runtime must allow the probe longer than that.
ANSWER=5
# In seconds. A worker that has never answered is starting. It ends itself when it is not ready by then, unless it hangs.
START=300

# Where the failures are counted. /tmp is the container's own; systemd gives a unit a folder of its own.
count=${RUNTIME_DIRECTORY:-/tmp}/streampool-probe

fail() {
  echo "$1" >&2
  exit 1
}

answers() {
  case ${HOST:-} in
    '' | 0.0.0.0 | ::) host=127.0.0.1 ;;
    *:*) host="[$HOST]" ;;
    *) host=$HOST ;;
  esac
  curl --fail --silent --show-error --noproxy '*' --max-time "$ANSWER" --output /dev/null "http://$host:${PORT:-8085}/livez"
}

# Says where the worker logs why it ends, and ends it.
end_worker() {
  message="The worker did not answer /livez $FAILURES times in a row. It hangs, and the probe ends it."
  line="{\"level\":\"error\",\"time\":\"$(date -u +%Y-%m-%dT%H:%M:%S.000Z)\",\"pid\":$pid,\"msg\":\"$message\"}"
  # Before the end, because a container's end takes the probe with it; aside, because a log that nobody reads blocks.
  (echo "$line" >>"/proc/$pid/fd/1") 2>/dev/null &
  sleep 1
  rm -f "$count"
  kill -KILL "$pid"
  fail "$message"
}

pid=${1:-$(pgrep -f '^([^ ]*/)?node (.* )?([^ ]*/)?dist/proxy/main\.js$')}
case $pid in
  '' | 0) fail 'No worker runs here.' ;;
  *[!0-9]*) fail "Several workers run here. Name the process of one: $0 PID" ;;
esac

if answers; then
  echo "$pid 0" >"$count"
  exit 0
fi

# Failures of an earlier worker say nothing about this one.
known=
failures=0
[ ! -e "$count" ] || read -r known failures <"$count"
if [ "$known" != "$pid" ]; then
  age=$(ps -o etimes= -p "$pid") || fail "Process $pid does not run."
  [ "$age" -ge "$START" ] || fail 'The worker has not answered yet.'
  failures=0
fi
failures=$((failures + 1))
[ "$failures" -lt "$FAILURES" ] || end_worker
echo "$pid $failures" >"$count"
exit 1
