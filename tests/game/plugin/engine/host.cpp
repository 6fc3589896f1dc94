// Runs a plugin of TMInterface in a real AngelScript engine, with real sockets and a simulated game around it.
//
//   host PLUGIN.as [COMMAND …]      each COMMAND runs like a line of stdin, before the first frame
//
// It exits at the end of stdin, and with its parent. Events are lines on stdout. It proves what the script does. What it
// knows of the game is docs/facts/tminterface.md; TMInterface's own socket class is not simulated.
#include "api.hpp"

#include <csignal>
#include <fstream>
#include <sys/prctl.h>

namespace
{
asIScriptModule* module;
std::vector<asIScriptContext*> contexts; // one for each callback depth
size_t depth = 0;

void say(const std::string& line)
{
    std::string text = line + "\n";
    for (size_t i = 0; i + 1 < text.size(); i++)
        if (text[i] == '\n')
            text[i] = ' ';
    if (write(1, text.data(), text.size()) < 0)
        std::exit(0);
}

void complain(const asSMessageInfo* message, void* found)
{
    *static_cast<bool*>(found) = true;
    std::fprintf(stderr, "%s:%d:%d: %s\n", message->section, message->row, message->col, message->message);
}

// Calls a function of the script. An exception is printed, as TMInterface prints it in its console.
template <typename Arguments> void call(asIScriptFunction* function, Arguments arguments)
{
    if (!function)
        return;
    if (depth == contexts.size())
        contexts.push_back(engine->CreateContext());
    asIScriptContext* context = contexts[depth++];
    must(context->Prepare(function), function->GetName());
    arguments(context);
    if (context->Execute() == asEXECUTION_EXCEPTION)
        say("script error " + std::string(context->GetExceptionString()) + " in " + context->GetExceptionFunction()->GetName() + ", line " + std::to_string(context->GetExceptionLineNumber()));
    context->Unprepare();
    depth--;
}
asIScriptFunction* named(const char* declaration) { return module->GetFunctionByDecl(declaration); }
void call(const char* declaration)
{
    call(named(declaration), [](auto) {});
}

void load_plugin(const char* file)
{
    std::ifstream in(file, std::ios::binary);
    std::string script{std::istreambuf_iterator<char>(in), {}};
    bool complaints = false;
    engine = asCreateScriptEngine();
    // CaptureScreenshot is declared with `vec2&inout`, which needs this setting; TMInterface has it.
    must(engine->SetEngineProperty(asEP_ALLOW_UNSAFE_REFERENCES, true), "unsafe references");
    engine->SetMessageCallback(asFUNCTION(complain), &complaints, asCALL_CDECL);
    api::register_all();
    module = engine->GetModule("plugin", asGM_ALWAYS_CREATE);
    module->AddScriptSection("plugin", script.c_str(), script.size());
    if (!in || module->Build() < 0 || complaints)
        std::exit(3);
    for (auto needed : {"PluginInfo@ GetPluginInfo()", "void Main()", "void Render()", "void OnRunStep(SimulationManager@)"})
        if (!named(needed))
        {
            std::fprintf(stderr, "the plugin has no %s\n", needed);
            std::exit(3);
        }
}

void connect_game()
{
    auto counts = [](const char* declaration) {
        asIScriptFunction* function = named(declaration);
        return [function](int current, int target) {
            call(function, [=](asIScriptContext* context) {
                context->SetArgObject(0, &game);
                context->SetArgDWord(1, asDWORD(current));
                context->SetArgDWord(2, asDWORD(target));
            });
        };
    };
    game.say = say;
    game.on_checkpoint = counts("void OnCheckpointCountChanged(SimulationManager@, int, int)");
    game.on_lap = counts("void OnLapCountChanged(SimulationManager@, int, int)");
    render = [] { call("void Render()"); };
    game.on_run_step = [function = named("void OnRunStep(SimulationManager@)")] {
        call(function, [](asIScriptContext* context) { context->SetArgObject(0, &game); });
    };
}

bool first_line_first = false;

// Runs the lines queued in earlier frames, the last one first as 2.2.1 does (docs/facts/tminterface.md#console), unless
// the test chooses the other order.
void run_commands()
{
    std::vector<std::string> lines;
    lines.swap(queued);
    if (first_line_first)
        std::reverse(lines.begin(), lines.end());
    for (size_t i = lines.size(); i-- > 0;)
    {
        auto found = commands.find(lines[i].substr(0, lines[i].find(' ')));
        if (found == commands.end())
            game.console(lines[i]);
        else
            call(found->second.callback, [&](asIScriptContext* context) {
                auto* words = CScriptArray::Create(engine->GetTypeInfoByDecl("array<string>"));
                context->SetArgDWord(0, asDWORD(-1));
                context->SetArgDWord(1, asDWORD(-1));
                context->SetArgObject(2, &lines[i]);
                context->SetArgObject(3, words);
                words->Release();
            });
    }
}

void run_command(const std::string& line)
{
    std::istringstream words(line);
    std::string word, name;
    words >> word;
    auto number = [&](int fallback = 0) {
        int value;
        return words >> value ? value : fallback;
    };
    if (word == "race")
    {
        std::vector<int> times;
        for (int time; (time = number(-1)) >= 0;)
            times.push_back(time);
        game.begin_race(times.empty() ? std::vector<int>{500, 60000} : times);
    }
    else if (word == "finish")
        game.finish_now();
    else if (word == "menus")
        game.leave(MENUS);
    else if (word == "dialog")
        game.leave(END_DIALOG);
    else if (word == "startup")
        game.leave(START_UP);
    else if (word == "intro")
        game.show_intro();
    else if (word == "step-first")
        game.step_first = number(1);
    else if (word == "reentrant")
        game.reentrant = number(1);
    else if (word == "ticks")
        game.ticks_of_frame = number(1);
    else if (word == "frozen")
        game.frozen_ticks = number(100);
    else if (word == "window")
    {
        game.window_width = number();
        game.window_height = number();
    }
    else if (word == "flagless")
        game.flagless = number(1);
    else if (word == "bad-pictures")
        game.bad_pictures = number();
    else if (word == "no-pictures")
        game.no_pictures = number(1);
    else if (word == "no-states")
        game.no_states = number(1);
    else if (word == "bad-states")
        game.bad_states = number(1);
    else if (word == "inputs")
    {
        game.inputs.clear();
        std::getline(words >> std::ws, game.inputs);
    }
    else if (word == "map")
    {
        game.map_uid.clear();
        words >> game.map_uid;
        game.map_name.clear();
        std::getline(words >> std::ws, game.map_name);
    }
    else if (word == "event")
    {
        asUINT time = asUINT(number());
        auto index = static_cast<signed char>(number());
        events.push_back({time, {index, number()}});
    }
    else if (word == "file")
    {
        words >> name;
        std::getline(words >> std::ws, game.script_files[name]);
    }
    else if (word == "script-frames")
        game.script_frames = number(1);
    else if (word == "refuses-to-render")
        game.refuses_to_render = number(1);
    else if (word == "first-line-first")
        first_line_first = number(1);
    else if (word == "console")
    {
        std::getline(words >> std::ws, name);
        queued.push_back(name);
    }
    else if (word == "disable")
        call("void OnDisabled()");
    else
    {
        std::fprintf(stderr, "host: unknown command %s\n", word.c_str());
        std::exit(5);
    }
    say("done " + line);
}

// Reads commands for up to `ms`; false at the end of stdin.
bool read_commands(int ms)
{
    static std::string unread;
    pollfd input{0, POLLIN, 0};
    while (poll(&input, 1, ms) > 0)
    {
        char bytes[4096];
        ssize_t count = read(0, bytes, sizeof bytes);
        if (count <= 0)
            return false;
        unread.append(bytes, size_t(count));
        for (size_t end; (end = unread.find('\n')) != std::string::npos; unread.erase(0, end + 1))
            run_command(unread.substr(0, end));
        ms = 0;
    }
    return true;
}
} // namespace

int main(int count, char** arguments)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count < 2)
        return 2;
    load_plugin(arguments[1]);
    connect_game();
    call("void Main()");
    for (int i = 2; i < count; i++)
        run_command(arguments[i]);
    say("running");
    long sent = 0;
    while (true)
    {
        // Fast while data is sent; otherwise a tick of wall time, so that a race waits for its client.
        int pause_ms = sent != Socket::sent ? 0 : Socket::connected ? 1 : Game::TICK_MS;
        sent = Socket::sent;
        if (!read_commands(pause_ms))
            return 0;
        run_commands();
        if (current_list && current_list->frames_left > 0)
            current_list->frames_left--;
        game.simulate();
        call("void Render()");
    }
}
