resource "aws_appmesh_virtual_gateway" "front" {
  name      = "front"
  mesh_name = aws_appmesh_mesh.shop.name
  tags      = { stage = "test" }
  spec {
    backend_defaults {
      client_policy {
        tls {
          enforce = true
          ports   = [8443]
          certificate {
            file {
              certificate_chain = "/certs/client.pem"
              private_key       = "/certs/client.key"
            }
          }
          validation {
            subject_alternative_names {
              match { exact = ["b.shop.local", "a.shop.local"] }
            }
            trust {
              file { certificate_chain = "/certs/ca.pem" }
            }
          }
        }
      }
    }
    listener {
      port_mapping {
        port     = 8443
        protocol = "http"
      }
      connection_pool {
        http { max_connections = 100 }
      }
      health_check {
        healthy_threshold   = 2
        interval_millis     = 5000
        path                = "/"
        protocol            = "http"
        timeout_millis      = 2000
        unhealthy_threshold = 2
      }
      tls {
        mode = "STRICT"
        certificate {
          acm { certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012" }
        }
      }
    }
    logging {
      access_log {
        file {
          path = "/var/log/access.log"
          format {
            json {
              key   = "b"
              value = "%PROTOCOL%"
            }
          }
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_gateway" "grpc" {
  name      = "grpc"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 9090
        protocol = "grpc"
      }
      connection_pool {
        grpc { max_requests = 4 }
      }
      tls {
        mode = "PERMISSIVE"
        certificate {
          sds { secret_name = "gateway" }
        }
        validation {
          subject_alternative_names {
            match { exact = ["c.shop.local"] }
          }
          trust {
            sds { secret_name = "ca" }
          }
        }
      }
    }
  }
}

resource "aws_appmesh_virtual_gateway" "h2" {
  name      = "h2"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http2"
      }
      connection_pool {
        http2 { max_requests = 4 }
      }
    }
  }
}
