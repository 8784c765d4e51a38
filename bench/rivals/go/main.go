// The go-libp2p side of the benchmark. Same command line and same output as every other
// implementation; see bench/README.md.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const dialTimeout = 30 * time.Second

type options struct {
	key      string
	addr     string
	mode     string
	parallel int
	count    int
	seconds  float64
	warmup   float64
	ping     bool
}

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("use: listen | dial | ping | idle | store | store-start"))
	}
	stores := map[string]func([]string) error{"store": storeMain, "store-start": storeStart}
	if run := stores[os.Args[1]]; run != nil {
		if err := run(os.Args[2:]); err != nil {
			fail(err)
		}
		return
	}
	var o options
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	flags.StringVar(&o.key, "key", "ed25519", "ed25519 or secp256k1")
	flags.StringVar(&o.addr, "addr", "", "the listener's multiaddr with /p2p/")
	flags.StringVar(&o.mode, "mode", "open", "open or fresh")
	flags.IntVar(&o.parallel, "parallel", 1, "dials under way at once")
	flags.IntVar(&o.count, "count", 0, "dials, pings or connections; 0: as many as the time allows")
	flags.Float64Var(&o.seconds, "seconds", 0, "how long to measure; 0: until count")
	flags.Float64Var(&o.warmup, "warmup", 0, "how long to run before measuring")
	flags.BoolVar(&o.ping, "ping", false, "serve the ping protocol")
	_ = flags.Parse(os.Args[2:])

	var err error
	switch os.Args[1] {
	case "listen":
		err = listen(o)
	case "dial":
		err = dial(o)
	case "ping":
		err = pings(o)
	case "idle":
		err = idle(o)
	default:
		err = fmt.Errorf("unknown command %q: use listen, dial, ping or idle", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func say(v map[string]any) {
	line, err := json.Marshal(v)
	if err != nil {
		fail(err)
	}
	_, _ = os.Stdout.Write(append(line, '\n'))
}

func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fail(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// No limits, no metrics, and only the transport, security and muxer that are measured.
func newHost(keyType string, listening, servePing bool) (host.Host, error) {
	kind := crypto.Ed25519
	if keyType == "secp256k1" {
		kind = crypto.Secp256k1
	} else if keyType != "ed25519" {
		return nil, fmt.Errorf("unknown key type %q: use ed25519 or secp256k1", keyType)
	}
	key, _, err := crypto.GenerateKeyPairWithReader(kind, -1, rand.Reader)
	if err != nil {
		return nil, err
	}
	manager, err := connmgr.NewConnManager(1_000_000, 2_000_000)
	if err != nil {
		return nil, err
	}
	addresses := libp2p.NoListenAddrs
	if listening {
		addresses = libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0")
	}
	return libp2p.New(
		libp2p.Identity(key),
		addresses,
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.ConnectionManager(manager),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.Ping(servePing),
	)
}

// Counts the identify exchanges that a host has completed, so that a dial that was not
// identified is found.
func countIdentified(h host.Host, n *atomic.Int64) error {
	sub, err := h.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	go func() {
		for range sub.Out() {
			n.Add(1)
		}
	}()
	return nil
}

func listen(o options) error {
	h, err := newHost(o.key, true, o.ping)
	if err != nil {
		return err
	}
	var accepted, open, identified atomic.Int64
	h.Network().Notify(&network.NotifyBundle{
		ConnectedF:    func(network.Network, network.Conn) { accepted.Add(1); open.Add(1) },
		DisconnectedF: func(network.Network, network.Conn) { open.Add(-1) },
	})
	if err := countIdentified(h, &identified); err != nil {
		return err
	}
	say(map[string]any{"addr": fmt.Sprintf("%s/p2p/%s", h.Network().ListenAddresses()[0], h.ID())})
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "settle" {
			debug.FreeOSMemory() // collects garbage first
		}
		say(map[string]any{"cpu_s": cpuSeconds(), "accepted": accepted.Load(),
			"open": open.Load(), "identified": identified.Load()})
	}
	return in.Err()
}

func connect(h host.Host, to *peer.AddrInfo) error {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	return h.Connect(ctx, *to) // returns when identify has ended
}

func dial(o options) error {
	to, err := peer.AddrInfoFromString(o.addr)
	if err != nil {
		return err
	}
	hosts := make([]host.Host, o.parallel)
	var identified atomic.Int64
	for i := range hosts {
		if hosts[i], err = newHost(o.key, false, false); err != nil {
			return err
		}
		if err = countIdentified(hosts[i], &identified); err != nil {
			return err
		}
	}
	total := int64(0)
	round := func(seconds float64, count int) (done int64, elapsed float64, err error) {
		var started, finished atomic.Int64
		var wg sync.WaitGroup
		errs := make(chan error, len(hosts))
		begin := time.Now()
		for _, h := range hosts {
			wg.Go(func() {
				for {
					if seconds > 0 && time.Since(begin).Seconds() >= seconds {
						return
					}
					if n := started.Add(1); count > 0 && n > int64(count) {
						return
					}
					if err := connect(h, to); err != nil {
						errs <- err
						return
					}
					if err := h.Network().ClosePeer(to.ID); err != nil {
						errs <- err
						return
					}
					finished.Add(1)
				}
			})
		}
		wg.Wait()
		elapsed = time.Since(begin).Seconds()
		select {
		case err = <-errs:
		default:
		}
		total += finished.Load()
		return finished.Load(), elapsed, err
	}
	if o.warmup > 0 {
		if _, _, err = round(o.warmup, 0); err != nil {
			return err
		}
	}
	cpu := cpuSeconds()
	say(map[string]any{"event": "start"})
	done, elapsed, err := round(o.seconds, o.count)
	if err != nil {
		return err
	}
	cpu = cpuSeconds() - cpu
	for wait := 0; identified.Load() < total && wait < 100; wait++ {
		time.Sleep(10 * time.Millisecond)
	}
	if identified.Load() < total {
		return fmt.Errorf("%d of %d dials were not identified", total-identified.Load(), total)
	}
	say(map[string]any{"event": "result", "count": done, "seconds": elapsed, "cpu_s": cpu})
	return nil
}

func pings(o options) error {
	to, err := peer.AddrInfoFromString(o.addr)
	if err != nil {
		return err
	}
	h, err := newHost(o.key, false, false)
	if err != nil {
		return err
	}
	if err = connect(h, to); err != nil {
		return err
	}
	var s network.Stream
	once := func() (time.Duration, error) {
		var payload, answer [ping.PingSize]byte
		if _, err := rand.Read(payload[:]); err != nil {
			return 0, err
		}
		begin := time.Now()
		if s == nil {
			if s, err = h.NewStream(context.Background(), to.ID, ping.ID); err != nil {
				return 0, err
			}
		}
		if _, err := s.Write(payload[:]); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(s, answer[:]); err != nil {
			return 0, err
		}
		took := time.Since(begin)
		if payload != answer {
			return 0, errors.New("ping: the answer differs from the question")
		}
		if o.mode == "fresh" {
			if err := s.Reset(); err != nil { // as go-libp2p's own ping ends its stream
				return 0, err
			}
			s = nil
		}
		return took, nil
	}
	return measurePings(o, once)
}

func measurePings(o options, once func() (time.Duration, error)) error {
	for begin := time.Now(); time.Since(begin).Seconds() < o.warmup; {
		if _, err := once(); err != nil {
			return err
		}
	}
	var took []int64
	for begin := time.Now(); ; {
		if o.seconds > 0 && time.Since(begin).Seconds() >= o.seconds ||
			o.count > 0 && len(took) >= o.count {
			break
		}
		t, err := once()
		if err != nil {
			return err
		}
		took = append(took, t.Nanoseconds())
	}
	if len(took) == 0 {
		return errors.New("ping: nothing was measured")
	}
	slices.Sort(took)
	say(map[string]any{"event": "result", "count": len(took),
		"p50_us": float64(took[len(took)*50/100]) / 1e3,
		"p99_us": float64(took[len(took)*99/100]) / 1e3})
	return nil
}

func idle(o options) error {
	to, err := peer.AddrInfoFromString(o.addr)
	if err != nil {
		return err
	}
	for range o.count {
		h, err := newHost(o.key, false, false)
		if err != nil {
			return err
		}
		if err := connect(h, to); err != nil {
			return err
		}
	}
	say(map[string]any{"event": "connected", "count": o.count})
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
