resource "aws_appmesh_gateway_route" "all" {
  name                 = "all"
  mesh_name            = aws_appmesh_mesh.shop.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.front.name
  tags                 = { stage = "test" }
  spec {
    priority = 5
    http_route {
      match {
        prefix = "/"
        port   = 8443
        hostname { exact = "shop.example.com" }
        header {
          name   = "x-a"
          invert = true
          match { suffix = "z" }
        }
        header {
          name = "x-range"
          match {
            range {
              start = 1
              end   = 3
            }
          }
        }
        query_parameter {
          name = "q"
          match { exact = "1" }
        }
      }
      action {
        target {
          port = 8080
          virtual_service { virtual_service_name = aws_appmesh_virtual_service.price.name }
        }
        rewrite {
          hostname { default_target_hostname = var.changed ? "ENABLED" : "DISABLED" }
          prefix { default_prefix = "DISABLED" }
        }
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "value" {
  name                 = "value"
  mesh_name            = aws_appmesh_mesh.shop.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.front.name
  spec {
    http_route {
      match { prefix = "/old/" }
      action {
        target {
          port = 8080
          virtual_service { virtual_service_name = aws_appmesh_virtual_service.price.name }
        }
        rewrite {
          prefix { value = var.changed ? "/newer/" : "/new/" }
        }
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "path" {
  name                 = "path"
  mesh_name            = aws_appmesh_mesh.shop.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.h2.name
  spec {
    http2_route {
      match {
        path { exact = "/one" }
        hostname { suffix = ".example.com" }
      }
      action {
        target {
          port = 8081
          virtual_service { virtual_service_name = aws_appmesh_virtual_service.price.name }
        }
        rewrite {
          path { exact = "/two" }
        }
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "host" {
  name                 = "host"
  mesh_name            = aws_appmesh_mesh.shop.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.h2.name
  spec {
    http2_route {
      match {
        hostname { exact = "only.example.com" }
      }
      action {
        target {
          port = 8081
          virtual_service { virtual_service_name = aws_appmesh_virtual_service.price.name }
        }
      }
    }
  }
}

resource "aws_appmesh_gateway_route" "grpc" {
  name                 = "grpc"
  mesh_name            = aws_appmesh_mesh.shop.name
  virtual_gateway_name = aws_appmesh_virtual_gateway.grpc.name
  spec {
    grpc_route {
      match {
        service_name = "shop.Price"
        port         = 9090
      }
      action {
        target {
          port = 9090
          virtual_service { virtual_service_name = aws_appmesh_virtual_service.price.name }
        }
      }
    }
  }
}
