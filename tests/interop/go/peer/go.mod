module wakupeers/interop/peer

go 1.26.6

require (
	github.com/libp2p/go-libp2p v0.39.1
	github.com/multiformats/go-multiaddr v0.14.0
	golang.org/x/sys v0.29.0
)
