// Package peer is what the Go interop peers share: the control protocol (see ../../README.md) and
// the record that a libp2p host keeps of itself.
package peer

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Fields are the members of one event or reply.
type Fields map[string]any

// Request is one command as it arrived on standard input.
type Request struct {
	Cmd     string `json:"cmd"`
	ID      int    `json:"id"`
	Host    int    `json:"host"`
	Addr    string `json:"addr"`
	Peer    string `json:"peer"`
	Name    string `json:"name"`
	Count   int    `json:"count"`
	Timeout int    `json:"timeout"`
}

// Metadata is what a peer says of itself in 66/WAKU2-METADATA.
type Metadata struct {
	Cluster uint32   `json:"cluster"`
	Shards  []uint32 `json:"shards"`
	Request bool     `json:"request"`
}

// HostConfig says what one libp2p host is; README.md documents it.
type HostConfig struct {
	KeyType   string    `json:"keyType"`
	Key       string    `json:"key"`
	Listen    string    `json:"listen"`
	Muxers    []string  `json:"muxers"`
	Security  []string  `json:"security"`
	Relay     bool      `json:"relay"`
	Topics    []string  `json:"topics"`
	Metadata  *Metadata `json:"metadata"`
	Protocols []string  `json:"protocols"`
	Store     string    `json:"store"`
	Peerstore string    `json:"peerstore"`
}

// Config is the program's only argument, as JSON.
type Config struct {
	Hosts    []HostConfig `json:"hosts"`
	Lifetime int          `json:"lifetime"`
	Capture  bool         `json:"capture"`
}

var output sync.Mutex

// now is CLOCK_MONOTONIC in milliseconds: comparable between the processes of one machine.
func now() float64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return float64(ts.Nano()/1000) / 1000
}

// Emit writes one event line.
func Emit(event string, fields Fields) {
	line := Fields{"event": event, "t": now()}
	for name, value := range fields {
		line[name] = value
	}
	encoded, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(encoded, '\n'))
}

// ReadConfig reads the configuration and starts the clock of the longest life of the process.
func ReadConfig() Config {
	config := Config{Hosts: make([]HostConfig, 1), Lifetime: 120}
	if len(os.Args) > 1 {
		if err := json.Unmarshal([]byte(os.Args[1]), &config); err != nil {
			Fail(fmt.Errorf("configuration: %w", err))
		}
	}
	time.AfterFunc(time.Duration(config.Lifetime)*time.Second, func() {
		Emit("lifetime_over", nil)
		os.Exit(3)
	})
	return config
}

// Fail ends the program with a message.
func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// Serve runs the commands that arrive on standard input, each on its own, until it closes.
func Serve(commands map[string]func(Request) (Fields, error)) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var request Request
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			Emit("reply", Fields{"id": nil, "ok": false, "error": err.Error()})
			continue
		}
		go run(commands[request.Cmd], request)
	}
	os.Exit(0)
}

func run(command func(Request) (Fields, error), request Request) {
	if command == nil {
		Emit("reply", Fields{"id": request.ID, "ok": false, "error": "unknown command " + request.Cmd})
		return
	}
	result, err := command(request)
	if err != nil {
		Emit("reply", Fields{"id": request.ID, "ok": false, "error": err.Error()})
		return
	}
	reply := Fields{"id": request.ID, "ok": true}
	for name, value := range result {
		reply[name] = value
	}
	Emit("reply", reply)
}
