// An application on net/http: makes the requests of a file and prints what came back, unopened.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

type call struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Chunked bool              `json:"chunked"`
}

type result struct {
	Status   int    `json:"status"`
	Protocol string `json:"protocol"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
}

func do(client *http.Client, c call) (result, error) {
	method, body, size := http.MethodGet, io.Reader(nil), int64(0)
	if c.Body != "" {
		file, err := os.Open(c.Body)
		if err != nil {
			return result{}, err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return result{}, err
		}
		method, body, size = http.MethodPost, file, info.Size()
	}
	request, err := http.NewRequest(method, c.URL, body)
	if err != nil {
		return result{}, err
	}
	for name, value := range c.Headers {
		request.Header.Set(name, value)
	}
	request.ContentLength = size
	if c.Chunked {
		request.ContentLength = -1
	}
	reply, err := client.Do(request)
	if err != nil {
		return result{}, err
	}
	defer reply.Body.Close()
	hash := sha256.New()
	length, err := io.Copy(hash, reply.Body)
	if err != nil {
		return result{}, err
	}
	return result{reply.StatusCode, reply.Proto, length, hex.EncodeToString(hash.Sum(nil))}, nil
}

func run(plan string) error {
	text, err := os.ReadFile(plan)
	if err != nil {
		return err
	}
	var calls []call
	if err := json.Unmarshal(text, &calls); err != nil {
		return err
	}
	// The default transport but for compression, which would hide the bytes as they came.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	client := &http.Client{Transport: transport}
	for _, c := range calls {
		found, err := do(client, c)
		if err != nil {
			return err
		}
		line, err := json.Marshal(found)
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
