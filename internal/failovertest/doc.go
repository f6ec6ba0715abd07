// Package failovertest holds tests of connection strings such as failover(A B) over real
// connections and in real time: how routes come to rest, and how they come back.
package failovertest
