#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh core: the P-CSCF and the S-CSCF; run.sh mrf: mrfp and mrfc behind them. Until ^C.
set -e
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
run=$top/build/run
mkdir -p "$run"
cd "$top"
trap 'kill $first 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM
case $1 in
core)
	set -- "$(command -v kamailio || echo /usr/sbin/kamailio)" -DD -E -f "$here/kamailio.cfg" -w "$here" -m 32 -M 4
	mkdir -p "$run/p-cscf" "$run/s-cscf"
	"$@" -A PCSCF -Y "$run/p-cscf" -P "$run/p-cscf/pid" &
	first=$!
	"$@" -Y "$run/s-cscf" -P "$run/s-cscf/pid" &
	;;
mrf)
	build/release/mrfc -c "$here/mrfc.conf" &
	first=$!
	build/release/mrfp -c conf/mrfp.conf &
	;;
*)
	echo "usage: $0 core|mrf" >&2
	exit 2
	;;
esac
first="$first $!"
wait
