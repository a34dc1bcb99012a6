# Stand-ins for the images that are named by services/proxy/Dockerfile and docker-compose.yml, where no registry of images can
# be reached: the same programs from Debian packages, at the same paths, with the same users. For tests only.
#
# Build context: the certificates that this machine trusts, Node and npm.

FROM streampool-test/debian:trixie AS debian
RUN apt-get update

FROM debian AS node
COPY certificates.crt /etc/ssl/certs/of-the-machine.crt
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
  && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/of-the-machine.crt
CMD ["node"]

FROM debian AS valkey
RUN apt-get install -y --no-install-recommends valkey-server valkey-tools \
  && mkdir -p /data && chown valkey:valkey /data
WORKDIR /data
VOLUME /data
USER valkey
CMD ["valkey-server"]

FROM debian AS haproxy
RUN apt-get install -y --no-install-recommends haproxy
USER haproxy
STOPSIGNAL SIGUSR1
CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]

FROM debian AS prometheus
RUN apt-get install -y --no-install-recommends prometheus wget \
  && mkdir -p /prometheus && chown nobody:nogroup /prometheus
WORKDIR /prometheus
VOLUME /prometheus
USER nobody
ENTRYPOINT ["prometheus"]
