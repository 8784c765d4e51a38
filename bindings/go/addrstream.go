package pstorewpm

import (
	"context"
	"sync"

	ma "github.com/multiformats/go-multiaddr"
)

// addrStream is one subscription to the addresses of a peer: a queue, so that a slow reader keeps no
// writer waiting.
type addrStream struct {
	mu    sync.Mutex
	queue []ma.Multiaddr
	sent  map[string]struct{}
	ended bool

	wake chan struct{} // Something was queued, or the stream ended.
}

func newAddrStream() *addrStream {
	return &addrStream{sent: make(map[string]struct{}), wake: make(chan struct{}, 1)}
}

// add queues the addresses that the stream has not had yet.
func (s *addrStream) add(addrs []ma.Multiaddr) {
	s.mu.Lock()
	for _, addr := range addrs {
		key := string(addr.Bytes())
		if _, found := s.sent[key]; !found {
			s.sent[key] = struct{}{}
			s.queue = append(s.queue, addr)
		}
	}
	s.mu.Unlock()
	s.nudge()
}

func (s *addrStream) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.nudge()
}

func (s *addrStream) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // It has been nudged and has not looked yet.
	}
}

func (s *addrStream) take() (next []ma.Multiaddr, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, s.queue = s.queue, nil
	return next, s.ended
}

// run hands on what is queued until ctx is done or the stream has ended.
func (s *addrStream) run(ctx context.Context, out chan<- ma.Multiaddr) {
	for {
		next, ended := s.take()
		if ended {
			return
		}
		for _, addr := range next {
			select {
			case out <- addr:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}
