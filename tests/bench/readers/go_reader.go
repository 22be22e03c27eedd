// Asks for tokens with golang.org/x/oauth2. Each request is the library's own; none is kept.
// See tests/bench/agent_readers.py.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const pause = 100 * time.Millisecond // after a connection that failed

type counts struct {
	Asked      int     `json:"asked"`
	Got        int     `json:"got"`
	Refused    int     `json:"refused"`
	Connection int     `json:"connection"`
	Other      int     `json:"other"`
	Late       int     `json:"late"`
	Slowest    float64 `json:"slowest"`
	Why        string  `json:"why"`
}

func (told *counts) note(err error, took, late float64) {
	told.Asked++
	var refused *oauth2.RetrieveError
	switch {
	case err == nil:
		told.Got++
		if took > late {
			told.Late++
		}
		if took > told.Slowest {
			told.Slowest = took
		}
		return
	case errors.As(err, &refused) && (refused.Response.StatusCode == 401 ||
		strings.Contains(string(refused.Body), "invalid_client")):
		told.Refused++
	case errors.As(err, &refused):
		told.Other++
	default:
		told.Connection++
		time.Sleep(pause)
	}
	told.Why = err.Error()
}

func main() {
	late, _ := strconv.ParseFloat(os.Getenv("LATE"), 64)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		count, _ := strconv.Atoi(words[0])
		every, _ := strconv.Atoi(words[3])
		var told counts
		for number := 0; number < count; number++ {
			config := clientcredentials.Config{
				ClientID: os.Getenv("CLIENT_ID"), ClientSecret: words[2], TokenURL: words[1],
				EndpointParams: url.Values{"audience": {os.Getenv("AUDIENCE")}},
				AuthStyle:      oauth2.AuthStyleInParams,
			}
			began := time.Now()
			if number%every == 0 {
				config.EndpointParams.Set("organization", fmt.Sprintf("org_%d", began.UnixNano()))
			}
			_, err := config.Token(context.Background())
			told.note(err, time.Since(began).Seconds(), late)
		}
		line, _ := json.Marshal(told)
		fmt.Println(string(line))
	}
}
