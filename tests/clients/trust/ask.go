// One question, as an application on net/http asks it: `ask HOST:PORT`. Prints `accepted` and the status of the reply,
// or `refused` and what Go says of the certificate.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

const question = `{"model": "gpt-4o", "messages": [{"role": "user", "content": "How many sheep make a flock?"}], "max_tokens": 64}`

func ask(place string) (int, error) {
	request, err := http.NewRequest(http.MethodPost, "https://"+place+"/v1/chat/completions", strings.NewReader(question))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer sk-of-nobody")
	request.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	_, err = io.Copy(io.Discard, reply.Body)
	return reply.StatusCode, err
}

func main() {
	status, err := ask(os.Args[1])
	if err != nil {
		fmt.Println("refused", err)
		return
	}
	fmt.Println("accepted", status)
}
