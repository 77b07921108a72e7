package temporal

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
)

// Config is what Start needs.
type Config struct {
	DatabaseDir      string // holds one file a schema; files of other schemas are left alone
	Host             string // loopback address of everything that listens
	Port             int    // gRPC
	HTTPPort         int
	UIPort           int
	Namespace        string
	Retention        time.Duration // how long ended workflows are kept
	SearchAttributes []string      // of type Keyword; at most 10
	Logger           *Logger
	// RenewAfter is how many events of history a workflow may have before it is
	// asked to go on in a new execution; 0 is the server's own number, 4,096.
	RenewAfter int
}

// clusterName and clusterID are stored with the first start and must not change.
const (
	clusterName = "active"
	clusterID   = "7d5e4f0a-53c4-4c53-9d0e-3d1d6a1f0c11"
)

func (c Config) address(port int) string { return net.JoinHostPort(c.Host, strconv.Itoa(port)) }

// sql opens file. One connection and one shard: with more, SQLite answers
// SQLITE_BUSY under load. With synchronous=full what was answered survives a power loss.
func (c Config) sql(file, journal string) *config.SQL {
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: file,
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": journal,
			"synchronous":  "full",
		},
		MaxConns:     1,
		MaxIdleConns: 1,
	}
}

func (c Config) server(file string) (*config.Config, map[primitives.ServiceName]static.Hosts, error) {
	internal, err := freePorts(c.Host, 3)
	if err != nil {
		return nil, nil, err
	}
	frontend := c.service(c.Port)
	frontend.RPC.HTTPPort = c.HTTPPort // Nexus operations time out without it
	cfg := &config.Config{
		Global: config.Global{
			Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: c.Host},
		},
		Persistence: config.Persistence{
			DefaultStore:     sqlite.PluginName,
			VisibilityStore:  sqlite.PluginName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: c.sql(file, "wal")}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
				Enabled:                true,
				InitialFailoverVersion: 1,
				RPCAddress:             c.address(c.Port),
				HTTPAddress:            c.address(c.HTTPPort),
				ClusterID:              clusterID,
			}},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): frontend,
			string(primitives.HistoryService):  c.service(internal[0]),
			string(primitives.MatchingService): c.service(internal[1]),
			string(primitives.WorkerService):   c.service(internal[2]),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: c.address(c.Port)},
	}
	hosts := map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(c.address(c.Port)),
		primitives.HistoryService:  static.SingleLocalHost(c.address(internal[0])),
		primitives.MatchingService: static.SingleLocalHost(c.address(internal[1])),
		primitives.WorkerService:   static.SingleLocalHost(c.address(internal[2])),
	}
	return cfg, hosts, nil
}

func (c Config) service(port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: c.Host}}
}

// settings are the server's settings that differ from its defaults.
func (c Config) settings() dynamicconfig.StaticClient {
	values := dynamicconfig.StaticClient{
		// By default a queue is read 20 times a second, which bounds a sequential
		// workflow to 20 activities a second; measured with 1000: 170.
		dynamicconfig.MakeKey("history.transferProcessorMaxPollRPS"):   1000,
		dynamicconfig.MakeKey("history.timerProcessorMaxPollRPS"):      1000,
		dynamicconfig.MakeKey("history.visibilityProcessorMaxPollRPS"): 1000,
		dynamicconfig.MakeKey("history.outboundProcessorMaxPollRPS"):   1000,
		dynamicconfig.MakeKey("history.archivalProcessorMaxPollRPS"):   1000,
		// One partition a queue keeps priorities strict.
		dynamicconfig.MakeKey("matching.numTaskqueueReadPartitions"):  1,
		dynamicconfig.MakeKey("matching.numTaskqueueWritePartitions"): 1,
		dynamicconfig.MakeKey("frontend.WorkflowPauseEnabled"):        true,
		// A search attribute that a newer r1ctl adds must be known at once. This
		// reads the database more often, and so needs higher limits.
		dynamicconfig.MakeKey("system.forceSearchAttributesCacheRefreshOnRead"): true,
		dynamicconfig.MakeKey("frontend.persistenceMaxQPS"):                     10000,
		dynamicconfig.MakeKey("history.persistenceMaxQPS"):                      45000,
	}
	if c.RenewAfter > 0 {
		values[dynamicconfig.MakeKey("limit.historyCount.suggestContinueAsNew")] = c.RenewAfter
	}
	return values
}

// databaseFile is the file of the schema that this program was built with: the
// server has no migrations for SQLite, and would misread the file of another schema.
func (c Config) databaseFile() (string, error) {
	id, err := schemaID()
	if err != nil {
		return "", fmt.Errorf("read the database schema: %w", err)
	}
	return filepath.Join(c.DatabaseDir, "temporal-"+id+".db"), nil
}

// freePorts gives ports for the services that only the server itself talks to.
func freePorts(host string, n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp4", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // after the last one, so that all differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
