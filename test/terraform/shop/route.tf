resource "aws_appmesh_route" "http" {
  name                = "http"
  mesh_name           = aws_appmesh_mesh.shop.name
  virtual_router_name = aws_appmesh_virtual_router.price.name
  tags                = { stage = "test" }
  spec {
    priority = 0
    http_route {
      match {
        prefix = "/"
        port   = 8080
        method = "POST"
        scheme = "https"
        header {
          name   = "x-exact"
          invert = true
          match { exact = "yes" }
        }
        header {
          name = "x-range"
          match {
            range {
              start = 1
              end   = 10
            }
          }
        }
        header {
          name = "x-prefix"
          match { prefix = "a" }
        }
        header {
          name = "x-suffix"
          match { suffix = "a" }
        }
        header {
          name = "x-regex"
          match { regex = "a.*" }
        }
        header { name = "x-there" }
        query_parameter {
          name = "q"
          match { exact = "1" }
        }
        query_parameter { name = "there" }
      }
      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.cart.name
          weight       = var.changed ? 50 : 90
          port         = 8080
        }
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.cloud.name
          weight       = var.changed ? 50 : 0
          port         = 8080
        }
      }
      retry_policy {
        http_retry_events = var.changed ? ["client-error"] : ["server-error", "gateway-error"]
        tcp_retry_events  = ["connection-error"]
        max_retries       = 0
        per_retry_timeout {
          unit  = "s"
          value = 15
        }
      }
      timeout {
        idle {
          unit  = "s"
          value = 0
        }
        per_request {
          unit  = "ms"
          value = 10
        }
      }
    }
  }
}

resource "aws_appmesh_route" "path" {
  name                = "path"
  mesh_name           = aws_appmesh_mesh.shop.name
  virtual_router_name = aws_appmesh_virtual_router.price.name
  spec {
    priority = var.changed ? 0 : 1000
    http_route {
      match {
        port = 8080
        path { exact = "/exact" }
      }
      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.cloud.name
          weight       = 1
        }
      }
    }
  }
}

resource "aws_appmesh_route" "http2" {
  name                = "http2"
  mesh_name           = aws_appmesh_mesh.shop.name
  virtual_router_name = aws_appmesh_virtual_router.price.name
  spec {
    http2_route {
      match {
        port = 8081
        path { regex = "/[a-z]+" }
      }
      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.h2.name
          weight       = 1
        }
      }
      retry_policy {
        http_retry_events = ["stream-error", "client-error"]
        max_retries       = 3
        per_retry_timeout {
          unit  = "ms"
          value = 500
        }
      }
    }
  }
}

resource "aws_appmesh_route" "grpc" {
  name                = "grpc"
  mesh_name           = aws_appmesh_mesh.shop.name
  virtual_router_name = aws_appmesh_virtual_router.price.name
  spec {
    grpc_route {
      match {
        port         = 9090
        service_name = "shop.Price"
        method_name  = "Get"
        metadata {
          name   = "who"
          invert = true
          match {
            range {
              start = 2
              end   = 5
            }
          }
        }
        metadata { name = "there" }
      }
      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.grpc.name
          weight       = 1
          port         = 9090
        }
      }
      retry_policy {
        grpc_retry_events = ["unavailable", "cancelled"]
        http_retry_events = ["server-error"]
        tcp_retry_events  = ["connection-error"]
        max_retries       = 2
        per_retry_timeout {
          unit  = "s"
          value = 2
        }
      }
      timeout {
        idle {
          unit  = "s"
          value = 10
        }
      }
    }
  }
}

resource "aws_appmesh_route" "grpc_all" {
  name                = "grpc-all"
  mesh_name           = aws_appmesh_mesh.shop.name
  virtual_router_name = aws_appmesh_virtual_router.price.name
  spec {
    priority = 9
    grpc_route {
      match {
        port = 9090
      }
      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.grpc.name
          weight       = 1
        }
      }
    }
  }
}

resource "aws_appmesh_route" "tcp" {
  name                = "tcp"
  mesh_name           = aws_appmesh_mesh.shop.name
  virtual_router_name = aws_appmesh_virtual_router.price.name
  spec {
    tcp_route {
      match { port = 7000 }
      action {
        weighted_target {
          virtual_node = aws_appmesh_virtual_node.tcp.name
          weight       = 1
        }
      }
      timeout {
        idle {
          unit  = "s"
          value = 10
        }
      }
    }
  }
}
