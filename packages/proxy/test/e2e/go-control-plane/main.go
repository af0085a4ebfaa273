// A control plane made with go-control-plane, for the tests of @pagoda/xds. It reads a snapshot from each line of its
// input, and writes a line for its port and for each request of a client.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secret "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type place struct {
	Address  string `json:"address"`
	Health   int32  `json:"health"`
	Weight   uint32 `json:"weight"`
	Priority uint32 `json:"priority"`
	Zone     string `json:"zone"`
}

type group struct {
	Endpoints []place `json:"endpoints"`
	LbPolicy  int32   `json:"lbPolicy"`
}

// pem has either a certificate with its key, or authorities.
type pem struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Authorities string `json:"authorities"`
}

type snapshot struct {
	Version  string           `json:"version"`
	Clusters map[string]group `json:"clusters"`
	Secrets  map[string]pem   `json:"secrets"`
	// In Envoy's JSON.
	Listeners []json.RawMessage `json:"listeners"`
	Routes    []json.RawMessage `json:"routes"`
}

func read[M proto.Message](text []byte, into M) M {
	if err := protojson.Unmarshal(text, into); err != nil {
		panic(err)
	}
	return into
}

func say(what map[string]any) {
	line, _ := json.Marshal(what)
	fmt.Println(string(line))
}

func said(kind, version, nonce string, names []string, message string, known map[string]string) {
	line := map[string]any{"type": kind, "version": version, "nonce": nonce, "names": names}
	if message != "" {
		line["error"] = message
	}
	if len(known) > 0 {
		line["known"] = known
	}
	say(line)
}

func inline(text string) *core.DataSource {
	return &core.DataSource{Specifier: &core.DataSource_InlineBytes{InlineBytes: []byte(text)}}
}

func (p pem) secret(name string) *tls.Secret {
	if p.Authorities != "" {
		return &tls.Secret{Name: name, Type: &tls.Secret_ValidationContext{
			ValidationContext: &tls.CertificateValidationContext{TrustedCa: inline(p.Authorities)},
		}}
	}
	return &tls.Secret{Name: name, Type: &tls.Secret_TlsCertificate{
		TlsCertificate: &tls.TlsCertificate{CertificateChain: inline(p.Certificate), PrivateKey: inline(p.Key)},
	}}
}

func (s snapshot) resources() map[resource.Type][]types.Resource {
	all := map[resource.Type][]types.Resource{
		resource.ClusterType: {}, resource.EndpointType: {}, resource.SecretType: {},
	}
	for name, one := range s.Secrets {
		all[resource.SecretType] = append(all[resource.SecretType], one.secret(name))
	}
	for name, one := range s.Clusters {
		ads := &core.ConfigSource{
			ResourceApiVersion:    core.ApiVersion_V3,
			ConfigSourceSpecifier: &core.ConfigSource_Ads{Ads: &core.AggregatedConfigSource{}},
		}
		all[resource.ClusterType] = append(all[resource.ClusterType], &cluster.Cluster{
			Name:                 name,
			ConnectTimeout:       durationpb.New(1e9),
			LbPolicy:             cluster.Cluster_LbPolicy(one.LbPolicy),
			ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
			EdsClusterConfig:     &cluster.Cluster_EdsClusterConfig{EdsConfig: ads},
		})
		groups := map[string]*endpoint.LocalityLbEndpoints{}
		order := []string{}
		for _, each := range one.Endpoints {
			key := fmt.Sprint(each.Zone, each.Priority)
			if groups[key] == nil {
				groups[key] = &endpoint.LocalityLbEndpoints{
					Locality: &core.Locality{Zone: each.Zone}, Priority: each.Priority,
				}
				order = append(order, key)
			}
			host, port, _ := net.SplitHostPort(each.Address)
			number, _ := strconv.Atoi(port)
			one := &endpoint.LbEndpoint{
				HealthStatus: core.HealthStatus(each.Health),
				HostIdentifier: &endpoint.LbEndpoint_Endpoint{Endpoint: &endpoint.Endpoint{
					Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
						Address:       host,
						PortSpecifier: &core.SocketAddress_PortValue{PortValue: uint32(number)},
					}}},
				}},
			}
			if each.Weight > 0 {
				one.LoadBalancingWeight = wrapperspb.UInt32(each.Weight)
			}
			groups[key].LbEndpoints = append(groups[key].LbEndpoints, one)
		}
		assignment := &endpoint.ClusterLoadAssignment{ClusterName: name}
		for _, key := range order {
			assignment.Endpoints = append(assignment.Endpoints, groups[key])
		}
		all[resource.EndpointType] = append(all[resource.EndpointType], assignment)
	}
	for _, text := range s.Listeners {
		all[resource.ListenerType] = append(all[resource.ListenerType], read(text, &listener.Listener{}))
	}
	for _, text := range s.Routes {
		all[resource.RouteType] = append(all[resource.RouteType], read(text, &route.RouteConfiguration{}))
	}
	return all
}

func main() {
	store := cache.NewSnapshotCache(true, same{}, nil)
	// A store for aggregated streams answers only those who ask for all resources of a kind.
	agent := cache.NewSnapshotCache(false, same{}, nil)
	callbacks := server.CallbackFuncs{
		StreamRequestFunc: func(_ int64, r *discovery.DiscoveryRequest) error {
			said(r.TypeUrl, r.VersionInfo, r.ResponseNonce, r.ResourceNames, r.ErrorDetail.GetMessage(), nil)
			return nil
		},
		StreamDeltaRequestFunc: func(_ int64, r *discovery.DeltaDiscoveryRequest) error {
			known := r.InitialResourceVersions
			said(r.TypeUrl, "", r.ResponseNonce, r.ResourceNamesSubscribe, r.ErrorDetail.GetMessage(), known)
			return nil
		},
	}
	address := "127.0.0.1:0"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	plane := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(plane, server.NewServer(context.Background(), store, callbacks))
	secret.RegisterSecretDiscoveryServiceServer(plane, server.NewServer(context.Background(), agent, callbacks))
	go func() { _ = plane.Serve(listener) }()
	say(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var next snapshot
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			panic(err)
		}
		made, err := cache.NewSnapshot(next.Version, next.resources())
		if err == nil {
			err = store.SetSnapshot(context.Background(), "test", made)
		}
		if err == nil {
			err = agent.SetSnapshot(context.Background(), "test", made)
		}
		if err != nil {
			panic(err)
		}
		say(map[string]any{"served": next.Version})
	}
}

// same serves one snapshot to all nodes.
type same struct{}

func (same) ID(*core.Node) string { return "test" }
