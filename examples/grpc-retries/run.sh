#!/usr/bin/env bash
# A retry policy hides a gRPC service's failures.
. "$(dirname "$0")/../kit/kit.sh"

route() { # the route's retry policy
    printf '%s' '{"grpcRoute": {"match": {"serviceName": "grpc.health.v1.Health"},
      "action": {"weightedTargets": [{"virtualNode": "cart", "weight": 1}]},
      "retryPolicy": {"perRetryTimeout": {"unit": "s", "value": 5}, '"$1"'}}}'
}
appmesh create-mesh --mesh-name shop
appmesh create-virtual-node --mesh-name shop --virtual-node-name cart --spec '{
  "listeners": [{"portMapping": {"port": 8080, "protocol": "grpc"}}],
  "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "cart"}}}'
appmesh create-virtual-router --mesh-name shop --virtual-router-name cart \
    --spec '{"listeners": [{"portMapping": {"port": 80, "protocol": "grpc"}}]}'
appmesh create-route --mesh-name shop --virtual-router-name cart --route-name health \
    --spec "$(route '"maxRetries": 0, "grpcRetryEvents": ["unavailable"]')"
appmesh create-virtual-service --mesh-name shop --virtual-service-name cart.shop.local \
    --spec '{"provider": {"virtualRouter": {"virtualRouterName": "cart"}}}'
appmesh create-virtual-node --mesh-name shop --virtual-node-name web \
    --spec '{"backends": [{"virtualService": {"virtualServiceName": "cart.shop.local"}}]}'

app cart grpc --fail-every 2
sidecar virtualNode/cart cart
sidecar virtualNode/web
settled

calls() { for _ in $(seq 10); do "$kit_bin/example-app" grpc-call "$(address web cart.shop.local:80)"; done | sort | uniq -c | tr -s ' \n' ' '; }
shows 'without retries, of 10' ' 5 OK 5 Unavailable ' "$(calls)"

appmesh update-route --mesh-name shop --virtual-router-name cart --route-name health \
    --spec "$(route '"maxRetries": 2, "grpcRetryEvents": ["cancelled"]')"
settled
shows 'with retries for another event' ' 5 OK 5 Unavailable ' "$(calls)"

appmesh update-route --mesh-name shop --virtual-router-name cart --route-name health \
    --spec "$(route '"maxRetries": 2, "grpcRetryEvents": ["unavailable"]')"
settled
shows 'with retries when it is unavailable' ' 10 OK ' "$(calls)"
