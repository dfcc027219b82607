// A wait with a callback that continues (go), or that ends it (stop): see tests/packages/hosts.rs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	zmd "example.org/zmd/bindings/go"
)

func main() {
	client, err := zmd.FromEnvironment(nil)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	stop := errors.New("ZMD_ERR_CANCELLED")
	last, err := client.Wait(context.Background(), "Leads", "1001", func(poll zmd.Poll) error {
		fmt.Println(poll.Status)
		if os.Args[1] == "stop" {
			return stop
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(last.HasEnded(), last.IsSuccessful())
}
