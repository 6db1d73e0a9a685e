// Command load is the upstream and the load client of the proxy benchmark. Loopback only, bounded in count and time.
package main

import (
	"log"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "upstream" {
		upstream(os.Args[2:])
	} else if len(os.Args) > 1 && os.Args[1] == "client" {
		client(os.Args[2:])
	} else {
		log.Fatal("usage: load upstream|client [options]")
	}
}
