// Net::Socket over real sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

class Socket
{
public:
    static inline long sent = 0;     // bytes, by all sockets
    static inline int connected = 0; // accepted and still open

    explicit Socket(int fd = -1, bool accepted = false) : fd(fd), accepted(accepted) { connected += accepted; }
    ~Socket()
    {
        connected -= accepted;
        if (fd >= 0)
            close(fd);
    }
    void add_ref() { references++; }
    void release()
    {
        if (--references == 0)
            delete this;
    }

    bool listen_on(const std::string& host, asWORD port)
    {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int on = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        inet_pton(AF_INET, host.c_str(), &address.sin_addr);
        return bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && listen(fd, 16) == 0;
    }

    Socket* accept_one(unsigned timeout_ms)
    {
        pollfd events{fd, POLLIN, 0};
        if (poll(&events, 1, timeout_ms > 60000 ? 60000 : int(timeout_ms)) <= 0)
            return nullptr;
        int newcomer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
        return newcomer < 0 ? nullptr : new Socket(newcomer, true);
    }

    // TMInterface returns immediately. Here it waits up to a millisecond, so that the client gets the processor.
    unsigned available()
    {
        pollfd events{fd, POLLIN, 0};
        int count = 0;
        if (poll(&events, 1, 1) > 0)
            ioctl(fd, FIONREAD, &count);
        if (count == 0 && events.revents)
            usleep(1000); // closed by the peer: poll() does not wait any more
        return unsigned(count);
    }

    bool write_all(const void* data, size_t size)
    {
        auto from = static_cast<const char*>(data);
        while (size > 0)
        {
            ssize_t count = send(fd, from, size, MSG_NOSIGNAL);
            if (count <= 0)
                return false;
            from += count;
            size -= size_t(count);
            sent += count;
        }
        return true;
    }

    std::string read_all(size_t size)
    {
        std::string data(size, '\0');
        size_t at = 0;
        while (at < size)
        {
            ssize_t count = recv(fd, &data[at], size - at, 0);
            if (count <= 0)
                break;
            at += size_t(count);
        }
        return data;
    }

    void set_no_delay(bool on)
    {
        int value = on;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
    }

private:
    int references = 1;
    int fd;
    bool accepted;
};
