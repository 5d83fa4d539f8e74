# A stand-in for what protoc makes of AESM's messages: it shows that protobuf is there.
from google.protobuf import descriptor_pb2

NAME = descriptor_pb2.FileDescriptorProto(name='aesm.proto')
