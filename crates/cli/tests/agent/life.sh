# One server's life in namespaces of its own: the agent's first life, which may end at a step, its
# second, and what stands in the end. Called with DAMM, SHIMS, HOME_DIR, SEAT and WANTED.
set -eu
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add up0 type veth peer name up1
ip address add 198.51.100.2/24 dev up0
ip address add 2001:db8::2/64 dev up0 nodad
ip link set up0 up
ip link set up1 up
ip route add default via 198.51.100.1
ip -6 route add default via 2001:db8::1

run() {
    "$DAMM" node run --config "$SEAT" --state "$HOME_DIR" --supervisor direct --uplink up0 \
        2>>"$HOME_DIR/log.txt" &
    agent=$!
}
applied() {
    "$DAMM" node status --state "$HOME_DIR" --json 2>/dev/null | grep -q "\"applied\": $WANTED,"
}
# Until it is applied, or the agent is dead.
wait_for_it() {
    while kill -0 "$agent" 2>/dev/null && ! applied; do sleep 0.1; done
}

(
    PATH=$SHIMS:$PATH
    run
    wait_for_it
    if kill -9 "$agent" 2>/dev/null; then echo "first life: lived"; else echo "first life: died"; fi
    wait "$agent" 2>/dev/null || :
)
rm -f "$HOME_DIR/status"
run
wait_for_it
applied || { echo "second life: ended"; cat "$HOME_DIR/log.txt"; exit 1; }
echo "second life: applied"
kill -9 "$agent"
nft -s list table inet damm
for family in -4 -6; do
    ip $family rule
    ip $family route show table all
done
ip -brief address
