import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * An application on java.net.http: makes the requests of a file and prints what came back, unopened.
 *
 * <p>The JDK reads no JSON, so the file is the one of lines: a URL, the path of a body or "-", "chunked" or "-", and
 * the headers, parted by tabs.
 */
public final class Calls {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] parts = line.split("\t");
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(parts[0]));
            for (int i = 3; i + 1 < parts.length; i += 2) {
                request.header(parts[i], parts[i + 1]);
            }
            if (!parts[1].equals("-")) {
                request.POST(body(parts[1], parts[2].equals("chunked")));
            }
            HttpResponse<byte[]> reply = client.send(request.build(), BodyHandlers.ofByteArray());
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(reply.body());
            String protocol = reply.version() == HttpClient.Version.HTTP_2 ? "HTTP/2" : "HTTP/1.1";
            System.out.printf(
                    "{\"status\": %d, \"protocol\": \"%s\", \"bytes\": %d, \"sha256\": \"%s\"}%n",
                    reply.statusCode(), protocol, reply.body().length, HexFormat.of().formatHex(hash));
        }
    }

    private static BodyPublisher body(String path, boolean chunked) throws IOException {
        if (!chunked) {
            return BodyPublishers.ofFile(Path.of(path));
        }
        return BodyPublishers.ofInputStream(() -> open(path));
    }

    private static InputStream open(String path) {
        try {
            return new FileInputStream(path);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
