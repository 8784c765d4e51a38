// A go-waku relay node, made with the library and bound to 127.0.0.1 alone, under the control
// protocol of ../../README.md.
package main

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"net"
	"time"

	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/waku-org/go-waku/waku/v2/node"
	"github.com/waku-org/go-waku/waku/v2/protocol"
	"github.com/waku-org/go-waku/waku/v2/protocol/relay"
	"go.uber.org/zap"

	"wakupeers/interop/peer"
)

// acceptRecorder limits nothing; it sees each accepted socket before a byte is read from it. (The
// connection gater, which the plain go-libp2p peer uses for this, is go-waku's own here.)
type acceptRecorder struct{ network.NullResourceManager }

func (r *acceptRecorder) OpenConnection(dir network.Direction, usefd bool, endpoint ma.Multiaddr) (network.ConnManagementScope, error) {
	if dir == network.DirInbound {
		_, remote, err := manet.DialArgs(endpoint)
		if err != nil {
			return nil, err
		}
		peer.Emit("tcp_accept", peer.Fields{"host": 0, "remote": remote})
	}
	return r.NullResourceManager.OpenConnection(dir, usefd, endpoint)
}

func key(config peer.HostConfig) (crypto.PrivKey, *ecdsa.PrivateKey, error) {
	config.KeyType = "secp256k1"
	made, err := config.PrivateKey()
	if err != nil {
		return nil, nil, err
	}
	raw, err := made.Raw()
	if err != nil {
		return nil, nil, err
	}
	native, err := ethcrypto.ToECDSA(raw)
	return made, native, err
}

func listenAddress(config peer.HostConfig) (*net.TCPAddr, error) {
	addr, err := ma.NewMultiaddr(config.ListenAddr())
	if err != nil {
		return nil, err
	}
	local, err := manet.ToNetAddr(addr)
	if err != nil {
		return nil, err
	}
	tcpAddr, ok := local.(*net.TCPAddr)
	if !ok || !tcpAddr.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is no TCP address of the loopback interface", addr)
	}
	return tcpAddr, nil
}

func start(config peer.HostConfig) (host.Host, peer.Fields, error) {
	metadata := peer.Metadata{Cluster: 1, Shards: []uint32{0}}
	if config.Metadata != nil {
		metadata = *config.Metadata
	}
	identity, native, err := key(config)
	if err != nil {
		return nil, nil, err
	}
	local, err := listenAddress(config)
	if err != nil {
		return nil, nil, err
	}
	shards := []uint16{}
	for _, shard := range metadata.Shards {
		shards = append(shards, uint16(shard))
	}
	logging := zap.NewProductionConfig()
	logging.Level = zap.NewAtomicLevelAt(zap.ErrorLevel)
	logger, err := logging.Build()
	if err != nil {
		return nil, nil, err
	}
	options := []node.WakuNodeOption{
		node.WithLogger(logger),
		node.WithPrivateKey(native),
		node.WithLibP2POptions(
			libp2p.Transport(tcp.NewTCPTransport),
			libp2p.UserAgent(node.UserAgent),
			libp2p.Muxer("/yamux/1.0.0", yamux.DefaultTransport),
			libp2p.ConnectionManager(connmgr.NullConnMgr{}),
			libp2p.ResourceManager(&acceptRecorder{}),
		),
		node.WithHostAddress(local),
		node.WithClusterID(uint16(metadata.Cluster)),
		node.WithShards(shards),
		node.WithWakuRelay(),
		node.WithMaxConnectionsPerIP(0),
		node.WithKeepAlive(10*time.Second, 5*time.Minute),
	}
	open, where := peerStore, config.Store
	if config.Peerstore != "" {
		open, where = openPeerstore, config.Peerstore
	}
	store, err := open(where)
	if err != nil {
		return nil, nil, err
	}
	options = append(options, node.WithPeerStore(store))
	waku, err := node.New(options...)
	if err != nil {
		return nil, nil, err
	}
	if err := waku.Start(context.Background()); err != nil {
		return nil, nil, err
	}
	for _, shard := range shards {
		topic := protocol.NewStaticShardingPubsubTopic(uint16(metadata.Cluster), shard).String()
		if _, err := waku.Relay().Subscribe(context.Background(), protocol.NewContentFilter(topic), relay.WithoutConsumer()); err != nil {
			return nil, nil, err
		}
	}
	if err := peer.Observe(waku.Host(), 0); err != nil {
		return nil, nil, err
	}
	listening, err := peer.Listening(waku.Host(), 0, identity)
	return waku.Host(), listening, err
}

func main() {
	config := peer.ReadConfig()
	if len(config.Hosts) != 1 {
		peer.Fail(fmt.Errorf("a go-waku process has one host"))
	}
	h, listening, err := start(config.Hosts[0])
	if err != nil {
		peer.Fail(err)
	}
	peer.Emit("listening", peer.Fields{"hosts": []peer.Fields{listening}, "kind": "go-waku"})
	commands := peer.Commands([]host.Host{h})
	commands["stored"] = func(peer.Request) (peer.Fields, error) { return stored(h) }
	commands["note"] = func(request peer.Request) (peer.Fields, error) { return note(h, request) }
	peer.Serve(commands)
}
