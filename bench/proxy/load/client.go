package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// result is what one run prints, as one line of JSON. Durations are in microseconds.
type result struct {
	Requests int     `json:"requests"`
	Sent     int     `json:"sent"`
	Failed   int     `json:"failed"`
	Events   int     `json:"events"`
	WallS    float64 `json:"wall_s"`
	CPUS     float64 `json:"cpu_s"`
	RSSKB    int     `json:"rss_kb"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	TTFT50   float64 `json:"ttft_p50_us"`
	Digest   string  `json:"digest"`
}

type sample struct {
	total, first time.Duration
	digest       [32]byte
	ok           bool
	events       int
}

// client sends a bounded number of requests to the loopback interface and watches the proxy's CPU time.
func client(arguments []string) {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	target := flags.String("url", "", "loopback URL")
	count := flags.Int("n", 1000, "requests in all, at most 100000")
	workers := flags.Int("c", 16, "requests at a time")
	rate := flags.Float64("rate", 0, "requests a second; 0 sends the next when the last has ended")
	streams := flags.Bool("sse", false, "ask for streams")
	events := flags.Int("events", 50, "events of a stream")
	interval := flags.Int("interval-us", 0, "time between events")
	pid := flags.Int("pid", 0, "process whose CPU time and memory are read")
	_ = flags.Parse(arguments)
	parsed, err := url.Parse(*target)
	if err != nil || !net.ParseIP(parsed.Hostname()).IsLoopback() || *count > 100000 {
		log.Fatal("client: needs a loopback URL and at most 100000 requests")
	}
	body := []byte(fmt.Sprintf(`{"model":"gpt-4o-mini","stream":%v,"max_tokens":200,"messages":[{"role":"user","content":"%s"}]}`,
		*streams, strings.Repeat("Count these words, please. ", 40)))
	transport := &http.Transport{MaxIdleConnsPerHost: *workers, MaxConnsPerHost: *workers, DisableCompression: true}
	connection := &http.Client{Transport: transport, Timeout: 60 * time.Second}
	call := func() sample {
		request, _ := http.NewRequest("POST", *target, bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer bench")
		request.Header.Set("X-Events", strconv.Itoa(*events))
		request.Header.Set("X-Interval-Us", strconv.Itoa(*interval))
		return exchange(connection, request)
	}
	warm(call, *workers)
	samples := make([]sample, *count)
	cpu, started := cpuSeconds(*pid), time.Now()
	var group sync.WaitGroup
	next := make(chan int)
	for worker := 0; worker < *workers; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for index := range next {
				samples[index] = call()
			}
		}()
	}
	for index := range samples {
		if *rate > 0 {
			time.Sleep(time.Until(started.Add(time.Duration(float64(index) / *rate * float64(time.Second)))))
		}
		next <- index
	}
	close(next)
	group.Wait()
	elapsed, used := time.Since(started), cpuSeconds(*pid)-cpu
	print(samples, *workers, elapsed, used, rss(*pid))
}

func warm(call func() sample, workers int) {
	var group sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		group.Add(1)
		go func() { defer group.Done(); call() }()
	}
	group.Wait()
}

func exchange(connection *http.Client, request *http.Request) sample {
	started := time.Now()
	response, err := connection.Do(request)
	if err != nil {
		return sample{}
	}
	defer response.Body.Close()
	var got sample
	hash, buffer := sha256.New(), make([]byte, 32<<10)
	for {
		read, err := response.Body.Read(buffer)
		if read > 0 {
			if got.first == 0 {
				got.first = time.Since(started)
			}
			got.events += bytes.Count(buffer[:read], []byte("data: "))
			hash.Write(buffer[:read])
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return sample{}
		}
	}
	got.total, got.ok = time.Since(started), response.StatusCode == 200
	hash.Sum(got.digest[:0])
	return got
}

// print says what the samples add up to; `warmed` requests before them were sent and are not among them.
func print(samples []sample, warmed int, wall time.Duration, cpu float64, rss int) {
	out := result{Requests: len(samples), Sent: len(samples) + warmed, WallS: wall.Seconds(), CPUS: cpu, RSSKB: rss}
	var totals, firsts []float64
	digests := map[[32]byte]int{}
	for _, sample := range samples {
		if !sample.ok {
			out.Failed++
			continue
		}
		out.Events += sample.events
		totals = append(totals, float64(sample.total.Nanoseconds())/1e3)
		firsts = append(firsts, float64(sample.first.Nanoseconds())/1e3)
		digests[sample.digest]++
	}
	out.P50, out.P99, out.TTFT50 = quantile(totals, 0.5), quantile(totals, 0.99), quantile(firsts, 0.5)
	for digest := range digests {
		out.Digest += fmt.Sprintf("%x", digest[:8])
	}
	_ = json.NewEncoder(os.Stdout).Encode(out)
}

func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sort.Float64s(values)
	return values[int(float64(len(values)-1)*share)]
}

// cpuSeconds reads the user and system time of a process, in ticks of 10 ms.
func cpuSeconds(pid int) float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return float64(user+system) / 100
}

func rss(pid int) int {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(content), "\n") {
		if strings.HasPrefix(line, "VmRSS:") {
			kilobytes, _ := strconv.Atoi(strings.Fields(line)[1])
			return kilobytes
		}
	}
	return 0
}
