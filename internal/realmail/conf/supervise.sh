# Runs both servers until standard input ends, which it does when the test is over and
# when its process dies; then leaves neither a process nor a file behind.
# usage: supervise.sh POSTFIX-MASTER DOVECOT DIRECTORY
"$1" -c "$3/postfix" -s & postfix=$!
"$2" -F -c "$3/dovecot/dovecot.conf" & dovecot=$!
cat >/dev/null
kill "$postfix" "$dovecot"
wait
rm -rf "$3"
