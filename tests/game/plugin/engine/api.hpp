// The calls of TMInterface's plugin API that the plugin uses, as declared in angel-lsp's
// `examples/Trackmania Nations Forever/as.predefined`: a call that is not declared there does not compile here either.
#pragma once

#include "game.hpp"
#include "script_types.hpp"
#include "sockets.hpp"

#include <chrono>

struct Vec2
{
    float x, y;
};

// What a plugin says of itself.
struct PluginInfo
{
    std::string Author, Name, Description, Version;
    int references = 1;
    void add_ref() { references++; }
    void release()
    {
        if (--references == 0)
            delete this;
    }
};

struct SavedState : Saved
{
    int references = 1;
    void add_ref() { references++; }
    void release()
    {
        if (--references == 0)
            delete this;
    }
};

struct Command
{
    asIScriptFunction* callback;
};

// All that the declared functions act on: there is one game in a process, as in the real one.
inline Game game;
inline asIScriptEngine* engine;
inline std::vector<std::string> queued;          // console lines, for a later frame
inline std::map<std::string, Command> commands;  // registered by the plugin

namespace api
{
inline void throw_in_script(const char* what) { asGetActiveContext()->SetException(what); }

inline Vec2 corner(float x, float y) { return {x, y}; }
inline void make_vec2(float x, float y, Vec2* at) { *at = corner(x, y); }

// The first four bytes are the race time that the picture shows; the others repeat its low byte.
inline CScriptArray* capture(Vec2& size)
{
    if (game.no_pictures)
        return nullptr;
    size.x = std::min(size.x, float(game.window_width));
    size.y = std::min(size.y, float(game.window_height));
    std::string pixels(size_t(size.x) * size_t(size.y) * 4, char(game.race_time & 0xFF));
    if (game.odd_pictures == 1)
        pixels.resize(pixels.size() / 2);
    if (game.odd_pictures == 2)
        std::swap(size.x, size.y);
    if (pixels.size() >= 4)
        std::memcpy(&pixels[0], &game.race_time, 4);
    return list::of_bytes(engine, pixels);
}

inline asQWORD now()
{
    using namespace std::chrono;
    return asQWORD(duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

inline void log(const std::string& text, int severity)
{
    const char* const words[] = {"info", "success", "warning", "error"};
    game.say(std::string("log ") + words[severity & 3] + " " + text);
}

inline void execute(const std::string& line, int) { queued.push_back(line); }
inline bool register_variable(const std::string& name, double value)
{
    game.variables.emplace(name, text::spelled(value));
    return true;
}
inline double variable(const std::string& name) { return std::atof(game.variables[name].c_str()); }
inline void register_command(const std::string& name, const std::string&, asIScriptFunction* callback) { commands[name] = {callback}; }
inline int state() { return game.state; }
inline void show_interface(bool shown) { game.say(shown ? "interface 1" : "interface 0"); }
inline Game* manager() { return &game; }

inline void set_speed(Game& of, float speed)
{
    of.say("speed " + text::spelled(speed));
    of.speed = speed;
}
inline void give_up(Game& of)
{
    of.say("give up");
    of.give_up();
}
inline void reset_camera(Game& of) { of.say("reset camera"); }
inline void prevent_finish(Game& of) { of.say("prevent finish"); }
inline void press(int key, int value, Game& of)
{
    const int order[] = {1, 0, 2, 3}; // InputType: down, up, left, right; a state has accelerate first
    of.press(order[key & 3], value);
    of.say("press " + text::spelled(key) + " " + text::spelled(value));
}
inline int race_time(Game& of) { return of.race_time; }
inline int tick_time(Game& of) { return of.tick_time; }
inline bool in_race(Game& of) { return of.in_race(); }
inline PlayerInfo* player(Game& of)
{
    static PlayerInfo never;
    return of.flagless ? &never : &of.player;
}
inline std::string* events(Game& of) { return &of.inputs; }
inline std::string as_text(int, std::string& events) { return events; }

inline SavedState* save(Game& of)
{
    if (of.bad_states)
        throw_in_script("no state here");
    if (of.bad_states || of.no_states)
        return nullptr;
    auto* saved = new SavedState;
    saved->bytes = of.save().bytes;
    return saved;
}
inline SavedState* state_of(const CScriptArray& bytes)
{
    auto* saved = new SavedState;
    saved->bytes = list::to_bytes(bytes);
    return saved;
}
inline CScriptArray* bytes_of(SavedState& saved) { return list::of_bytes(engine, saved.bytes); }
inline void rewind(const SavedState& saved, bool, Game& of)
{
    of.rewind(saved);
    of.say("rewind " + text::spelled(of.race_time));
}

template <typename T> T read_number(Socket& from)
{
    T value{};
    from.read_all(sizeof value).copy(reinterpret_cast<char*>(&value), sizeof value);
    return value;
}
template <typename T> bool write_number(T value, Socket& to) { return to.write_all(&value, sizeof value); }
inline Socket* make_socket() { return new Socket; }
inline bool write_text(const std::string& data, Socket& to) { return to.write_all(data.data(), data.size()); }
inline bool write_bytes(const CScriptArray& data, Socket& to)
{
    auto& readable = const_cast<CScriptArray&>(data);
    return to.write_all(readable.GetBuffer(), data.GetSize());
}
inline std::string read_text(unsigned bytes, Socket& from) { return from.read_all(bytes); }
inline CScriptArray* read_bytes(unsigned bytes, Socket& from) { return list::of_bytes(engine, from.read_all(bytes)); }

inline void function(const char* declaration, const asSFuncPtr& called)
{
    must(engine->RegisterGlobalFunction(declaration, called, asCALL_CDECL), declaration);
}
inline void method(const char* type, const char* declaration, const asSFuncPtr& called, asDWORD call = asCALL_CDECL_OBJLAST)
{
    must(engine->RegisterObjectMethod(type, declaration, called, call), declaration);
}
inline void values(const char* type, std::initializer_list<std::pair<const char*, int>> of)
{
    must(engine->RegisterEnum(type), type);
    for (auto [name, value] : of)
        must(engine->RegisterEnumValue(type, name, value), name);
}
template <typename T> void counted(const char* type)
{
    must(engine->RegisterObjectType(type, 0, asOBJ_REF), type);
    must(engine->RegisterObjectBehaviour(type, asBEHAVE_ADDREF, "void f()", asMETHOD(T, add_ref), asCALL_THISCALL), type);
    must(engine->RegisterObjectBehaviour(type, asBEHAVE_RELEASE, "void f()", asMETHOD(T, release), asCALL_THISCALL), type);
}
inline void made_by(const char* type, const char* declaration, const asSFuncPtr& factory)
{
    must(engine->RegisterObjectBehaviour(type, asBEHAVE_FACTORY, declaration, factory, asCALL_CDECL), type);
}
inline void of_the_game(const char* type) { must(engine->RegisterObjectType(type, 0, asOBJ_REF | asOBJ_NOCOUNT), type); }

inline void register_net()
{
    engine->SetDefaultNamespace("Math");
    static const asUINT uint_max = 0xFFFFFFFF;
    must(engine->RegisterGlobalProperty("const uint UINT_MAX", const_cast<asUINT*>(&uint_max)), "UINT_MAX");
    engine->SetDefaultNamespace("Net");
    counted<Socket>("Socket");
    made_by("Socket", "Socket@ f()", asFUNCTION(make_socket));
    method("Socket", "bool Listen(const string&in host, uint16 port)", asMETHOD(Socket, listen_on), asCALL_THISCALL);
    method("Socket", "Socket@ Accept(uint timeoutMs = Math::UINT_MAX)", asMETHOD(Socket, accept_one), asCALL_THISCALL);
    method("Socket", "uint get_Available()", asMETHOD(Socket, available), asCALL_THISCALL);
    method("Socket", "void set_NoDelay(bool value)", asMETHOD(Socket, set_no_delay), asCALL_THISCALL);
    method("Socket", "string ReadString(uint bytes)", asFUNCTION(read_text));
    method("Socket", "array<uint8>@ ReadBytes(uint bytes)", asFUNCTION(read_bytes));
    method("Socket", "uint8 ReadUint8()", asFUNCTION(read_number<asBYTE>));
    method("Socket", "int ReadInt32()", asFUNCTION(read_number<int>));
    method("Socket", "uint ReadUint32()", asFUNCTION(read_number<asUINT>));
    method("Socket", "float ReadFloat()", asFUNCTION(read_number<float>));
    method("Socket", "bool Write(const string&in data)", asFUNCTION(write_text));
    method("Socket", "bool Write(const array<uint8>&in data)", asFUNCTION(write_bytes));
    method("Socket", "bool Write(int8 value)", asFUNCTION(write_number<signed char>));
    method("Socket", "bool Write(uint8 value)", asFUNCTION(write_number<asBYTE>));
    method("Socket", "bool Write(int value)", asFUNCTION(write_number<int>));
    method("Socket", "bool Write(uint value)", asFUNCTION(write_number<asUINT>));
    method("Socket", "bool Write(int64 value)", asFUNCTION(write_number<asINT64>));
    method("Socket", "bool Write(float value)", asFUNCTION(write_number<float>));
    method("Socket", "bool Write(double value)", asFUNCTION(write_number<double>));
    engine->SetDefaultNamespace("");
}

inline void register_simulation()
{
    engine->SetDefaultNamespace("TM");
    of_the_game("PlayerInfo");
    must(engine->RegisterObjectProperty("PlayerInfo", "bool RaceFinished", asOFFSET(PlayerInfo, RaceFinished)), "RaceFinished");
    of_the_game("InputEventBuffer");
    method("InputEventBuffer", "string ToCommandsText(InputFormatFlags flags = InputFormatFlags::Default)", asFUNCTION(as_text));
    values("GameState", {{"StartUp", START_UP}, {"Menus", MENUS}, {"LocalInit", LOADING}, {"LocalRace", RACE}, {"LocalRaceEndDialog", END_DIALOG}});
    engine->SetDefaultNamespace("");
    counted<SavedState>("SimulationState");
    made_by("SimulationState", "SimulationState@ f(const array<uint8>&in bytes)", asFUNCTION(state_of));
    method("SimulationState", "array<uint8>@ ToArray()", asFUNCTION(bytes_of));
    of_the_game("SimulationManager");
    const auto of = "SimulationManager";
    method(of, "void SetSpeed(float speed)", asFUNCTION(set_speed), asCALL_CDECL_OBJFIRST);
    method(of, "void GiveUp()", asFUNCTION(give_up));
    method(of, "void ResetCamera()", asFUNCTION(reset_camera));
    method(of, "void PreventSimulationFinish()", asFUNCTION(prevent_finish));
    method(of, "void SetInputState(InputType state, int value)", asFUNCTION(press));
    method(of, "SimulationState@ SaveState()", asFUNCTION(save));
    method(of, "void RewindToState(const SimulationState&in state, bool resetCamera = true)", asFUNCTION(rewind));
    method(of, "TM::PlayerInfo@ get_PlayerInfo()", asFUNCTION(player));
    method(of, "TM::InputEventBuffer@ get_InputEvents()", asFUNCTION(events));
    method(of, "int get_RaceTime()", asFUNCTION(race_time));
    method(of, "int get_TickTime()", asFUNCTION(tick_time));
    method(of, "bool get_InRace()", asFUNCTION(in_race));
}

inline void register_all()
{
    text::register_type(engine);
    list::register_type(engine);
    values("Severity", {{"Info", 0}, {"Success", 1}, {"Warning", 2}, {"Error", 3}});
    values("InputType", {{"None", -1}, {"Down", 0}, {"Up", 1}, {"Left", 2}, {"Right", 3}, {"Steer", 4}, {"Gas", 5}});
    values("InputFormatFlags", {{"None", 0}, {"DecimalTime", 1}, {"SeperateRelease", 2}, {"Default", 4}});
    values("ExecuteCommandFlags", {{"None", 0}, {"AppendHistory", 1}, {"Echo", 2}, {"SuppressOutput", 8}, {"Default", 3}});
    must(engine->RegisterObjectType("vec2", sizeof(Vec2), asOBJ_VALUE | asOBJ_POD | asGetTypeTraits<Vec2>() | asOBJ_APP_CLASS_ALLFLOATS), "vec2");
    must(engine->RegisterObjectBehaviour("vec2", asBEHAVE_CONSTRUCT, "void f(float x, float y)", asFUNCTION(make_vec2), asCALL_CDECL_OBJLAST), "vec2()");
    must(engine->RegisterObjectProperty("vec2", "float x", asOFFSET(Vec2, x)), "x");
    must(engine->RegisterObjectProperty("vec2", "float y", asOFFSET(Vec2, y)), "y");
    counted<PluginInfo>("PluginInfo");
    made_by("PluginInfo", "PluginInfo@ f()", asFUNCTIONPR([] { return new PluginInfo; }, (), PluginInfo*));
    must(engine->RegisterObjectProperty("PluginInfo", "string Author", asOFFSET(PluginInfo, Author)), "Author");
    must(engine->RegisterObjectProperty("PluginInfo", "string Name", asOFFSET(PluginInfo, Name)), "Name");
    must(engine->RegisterObjectProperty("PluginInfo", "string Description", asOFFSET(PluginInfo, Description)), "Description");
    must(engine->RegisterObjectProperty("PluginInfo", "string Version", asOFFSET(PluginInfo, Version)), "Version");
    register_net();
    register_simulation();
    must(engine->RegisterFuncdef("void OnCustomCommand(int fromTime, int toTime, const string&in commandLine, const array<string>&in args)"), "OnCustomCommand");
    function("void RegisterCustomCommand(const string&in name, const string&in description, OnCustomCommand@ callback)", asFUNCTION(register_command));
    function("bool RegisterVariable(const string&in name, double defaultVal)", asFUNCTION(register_variable));
    function("double GetVariableDouble(const string&in name)", asFUNCTION(variable));
    function("void ExecuteCommand(const string&in input, ExecuteCommandFlags flags = ExecuteCommandFlags::Default)", asFUNCTION(execute));
    function("void log(const string&in str, Severity severity = Severity::Info)", asFUNCTION(api::log));
    function("TM::GameState GetCurrentGameState()", asFUNCTION(api::state));
    function("SimulationManager@ GetSimulationManager()", asFUNCTION(manager));
    function("void ToggleRaceInterface(bool visible)", asFUNCTION(show_interface));
    engine->SetDefaultNamespace("Time");
    function("uint64 get_Now()", asFUNCTION(now));
    engine->SetDefaultNamespace("Graphics");
    function("array<uint8>@ CaptureScreenshot(vec2&inout size)", asFUNCTION(capture));
    engine->SetDefaultNamespace("");
}
} // namespace api
