# shellcheck shell=bash
# Shared by e2e.sh and processes.sh.

# free_port [N]: the first of N ports in a row where nobody listens, below those that outgoing connections take
free_port() {
  local port p
  while :; do
    port=$((20000 + RANDOM % 12000))
    for ((p = port; p < port + ${1:-1}; p++)); do
      ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || continue 2
    done
    echo "$port"
    return
  done
}
